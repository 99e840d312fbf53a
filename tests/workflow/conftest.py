"""One finished tiny study for all tests of the workflow, and a copy of it for each of them."""

from collections import Counter
from pathlib import Path

import pytest
from workflow_project import Project, copy_of, everything, fresh_project

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run for real; only to be copied."""
    project = fresh_project(tmp_path_factory.mktemp("finished") / "project")
    assert project.run().jobs == Counter(everything())
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A finished study that may be changed."""
    return copy_of(finished, tmp_path / "project")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skip is one letter among many: that the bars of the demo were not checked must be seen."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = {r.longrepr[2] for r in reports if "test_demo_results" in r.nodeid}
    if reasons:
        terminalreporter.section("NOT CHECKED: whether the models of the demo have learned", "!")
        for reason in sorted(reasons):
            terminalreporter.line(reason, yellow=True, bold=True)
