"""Publications: what the publish log in the warehouse says of a node's published data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlflow.core.ids import NodeId
from sqlflow.core.ranges import Ranges

# The environment whose tables and views have plain names.
PROD = "prod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One publishing of a node in an environment, written in the transaction that published.

    - `relation` is the published table or view, as SQL writes its name; `number` counts the publications
      of the node under that name, in that environment, from 1: the highest one is what is there.
    - `code` is the digest of what the node was built from; `data` names its contents: two publications
      with the same `data` hold the same rows. `inputs` has the data version of each node that was read.
    - `ranges` are the intervals that the table then covers, all of them; None where it isn't built by time.
    - `changed` are the intervals whose rows it changed; None where any row may be another one. A view has
      none of its own: what changed there is what changed in its `inputs`, while its `code` stays the same.
    - `checksum` tells whether two publications hold the same rows; empty where it was not asked for.
    - `stage` is the table that holds the contents, beside the view that shows them; empty where the published
      relation holds them itself.
    - `epoch` is the one of the lease under which it was written.
    """

    environment: str
    node: NodeId
    number: int
    relation: str
    code: str
    data: str
    inputs: Mapping[NodeId, str]
    ranges: Ranges | None
    run: str
    at: datetime
    epoch: int
    changed: Ranges | None = None
    checksum: str = ""
    stage: str = ""
