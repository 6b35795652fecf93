"""A graph that is read out: its edges, and what was said."""

from papers.amr_summarization.amr import Amr, Edge


class Reader:
    """A graph's edges by their ends, and what has been said of it."""

    def __init__(self, amr: Amr):
        self.amr = amr
        self.said: set[str] = set()
        self.out: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        self.into: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        for edge in amr.edges:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)
        self.constants: dict[str, dict[str, str]] = {var: {} for var in amr.instances}
        for attribute in amr.attributes:
            self.constants[attribute.var][attribute.role] = attribute.value.strip('"')
        self.depth = 0

    def take(self, var: str, *roles: str) -> list[str]:
        """The targets of these roles, in the order of the roles."""
        return [e.target for r in roles for e in self.out[var] if e.role == r]

    def is_frame(self, var: str) -> bool:
        concept = self.amr.instances[var]
        return concept[-3:-2] == "-" and concept[-2:].isdigit()

    def reached(self, var: str) -> bool:
        """Whether another node says this one."""
        return bool(self.into[var]) or var == self.amr.top
