"""What the tests of the judges share."""

from __future__ import annotations

import os

import pytest

from tests.corpus.make import Benchmark, NoCorpusError, make


@pytest.fixture(scope="session")
def corpus() -> tuple[Benchmark, ...]:
    """The corpus, made where it is missing.

    Where the packages can't be had, the test is skipped; with SQLFLOW_TEST_REQUIRE=1 it fails.
    """
    try:
        return make()
    except NoCorpusError as error:
        if os.environ.get("SQLFLOW_TEST_REQUIRE") == "1":
            pytest.fail(f"SQLFLOW_TEST_REQUIRE is set, but: {error}")
        pytest.skip(str(error))
