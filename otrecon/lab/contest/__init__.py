"""A contest of coordinate networks on Shepp-Logan (row 000-F2)."""

from otrecon.lab.contest.entries import ENTRIES, Size, count, solve_width
from otrecon.lab.contest.settings import SETTINGS, ContestSettings, Trial, trials
from otrecon.lab.contest.tournament import contest

__all__ = ["ENTRIES", "SETTINGS", "ContestSettings", "Size", "Trial", "contest", "count", "solve_width", "trials"]
