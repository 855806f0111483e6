"""The wall: student code runs in a process of its own, and nothing but arrays crosses."""

from minigen.homework.wall.here import Here, worker
from minigen.homework.wall.levels import LEVELS, reached
from minigen.homework.wall.process import LIMITS, PROCESSES, Limits, Lost, Refused, Worker

__all__ = [
    "LEVELS", "LIMITS", "PROCESSES", "Here", "Limits", "Lost", "Refused", "Worker",
    "reached", "worker",
]  # fmt: skip
