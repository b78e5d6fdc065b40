"""Take away: the model in the form that it is needed in, the script, the report, the run itself."""

from __future__ import annotations

from core.i18n import _
from pages.ui.run_picker import run_of_page
from pages.ui.take_away_formats import formats_part, model_part
from pages.ui.take_away_report import report_part
from pages.ui.take_away_run import run_part, take_in_part
from pages.ui.take_away_script import script_part


def main() -> None:
    run = run_of_page("take_away", _("Take away"), _("Take {run} to where it is needed."))
    if run is not None:
        model_part(run)
        formats_part(run)
        script_part(run)
        report_part(run)
        run_part(run)
    take_in_part()


main()
