"""What all sections of `config.yaml` are made of."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agent.yaml_file import COMPLAINT

Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Text = Annotated[str, StringConstraints(min_length=1)]


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise PydanticCustomError(COMPLAINT, "it should be one line, take the line break out")
    return text


OneLine = Annotated[str, StringConstraints(min_length=1), AfterValidator(_one_line)]


class Section(BaseModel):
    """Immutable, strict about its keys, and silent about what was given for them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
