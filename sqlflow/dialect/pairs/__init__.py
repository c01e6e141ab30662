"""What is known of writing one dialect's SQL in another: asked on both engines."""

from sqlflow.dialect.pairs.pairs import Pair, load_pair

__all__ = ["Pair", "load_pair"]
