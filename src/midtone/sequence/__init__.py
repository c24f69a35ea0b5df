"""Photographs that belong together: one correction for all, or one that changes smoothly.

A correction is a small grid, so the corrections of a sequence can be kept, fitted together and
averaged before any photograph is written. The network runs once for each photograph. What is kept
of it is a ``Member`` of some 20 kilobytes.
"""

from midtone.sequence.correct import (
    SequenceCorrection,
    check,
    correct,
    correct_member,
    is_unchanged,
    plan,
)
from midtone.sequence.member import Member, observe

__all__ = [
    "Member", "SequenceCorrection", "check", "correct", "correct_member", "is_unchanged", "observe",
    "plan",
]  # fmt: skip
