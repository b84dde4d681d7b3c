"""`earlymedia train ...`: from recordings and tables to a forest with its card."""

import typer

from agent.train.corpus.calls_command import compose_calls
from agent.train.corpus.harvest_command import harvest
from agent.train.corpus.render_command import render
from agent.train.corpus.synth_command import synth
from agent.train.evaluation.evaluate_command import evaluate_candidate
from agent.train.evaluation.publish_command import publish_candidate
from agent.train.labels.label_command import label
from agent.train.review.review_command import review
from agent.train.student.fit_command import fit_candidate
from agent.train.student.sweep_command import sweep_settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(render)
app.command()(synth)
app.command("calls")(compose_calls)
app.command()(label)
app.command()(harvest)
app.command()(review)
app.command("fit")(fit_candidate)
app.command("sweep")(sweep_settings)
app.command("evaluate")(evaluate_candidate)
app.command("publish")(publish_candidate)
