"""Which trigger a caller means: a GUID, what a rules file calls it, or one of the system's. It knows no rights."""

from collections.abc import Mapping

from bridge.errors import InvalidGuidError
from bridge.mapping.table import RuleTable
from bridge.model.guid import Guid
from bridge.model.triggers import NamedTrigger, OwnTrigger, TriggerId
from bridge.pipeline.load.triggers import SYSTEM
from bridge.service.answers import failure

_NOT_CUSTOM: Mapping[str, TriggerId] = {**SYSTEM, **{str(trigger): trigger for trigger in OwnTrigger}}


def trigger_of(rules: RuleTable, given: str) -> TriggerId:
    """The trigger. Raises `CallFailedError` UnknownTrigger, for Windows' system triggers that Linux has not, too.

    Without a guess at what was meant, as files get it: callers may be anybody, and guessing is slow.
    """
    if given in rules.names:
        return rules.names[given].guid
    if given in _NOT_CUSTOM:
        return _NOT_CUSTOM[given]
    try:
        return Guid.parse(given)
    except InvalidGuidError as error:
        raise failure("UnknownTrigger", trigger=given) from error


def names_of(rules: RuleTable, trigger: TriggerId) -> list[NamedTrigger]:
    """What rules files call it."""
    return [name for name in rules.names.values() if name.guid == trigger]
