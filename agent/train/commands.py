"""`earlymedia train ...`: from recordings and tables to a forest with its card."""

import typer

from agent.train.evaluate_command import evaluate_candidate
from agent.train.fit_command import fit_candidate
from agent.train.harvest_command import harvest
from agent.train.label_command import label
from agent.train.publish_command import publish_candidate
from agent.train.render_command import render
from agent.train.review_command import review
from agent.train.sweep_command import sweep_settings
from agent.train.synth_command import synth

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(render)
app.command()(synth)
app.command()(label)
app.command()(harvest)
app.command()(review)
app.command("fit")(fit_candidate)
app.command("sweep")(sweep_settings)
app.command("evaluate")(evaluate_candidate)
app.command("publish")(publish_candidate)
