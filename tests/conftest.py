"""What all tests need of the machine that they run on."""

import signal

import pytest

# A shell's background job ignores Ctrl-C, and so would every process that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skip is one letter among many: that nothing was tried on real captions must be seen."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = {report.longrepr[2] for report in reports if "real tables" in str(report.longrepr)}
    if reasons:
        terminalreporter.section("NOT CHECKED: Song Describer's own captions", "!")
        for reason in sorted(reasons):
            terminalreporter.line(reason, yellow=True, bold=True)
