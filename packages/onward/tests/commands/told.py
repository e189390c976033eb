"""What a call has told, for somebody who knows which directories they have named."""

import re


def told(text: str) -> str:
    """Its words; a command that goes on in the next line is one, and is told without the directories."""
    joined = re.sub(r" \\\n\s*", " ", text)
    return " ".join(re.sub(r"\bonward(?: --(?:state|cache)-dir \S+)+ ", "onward ", joined).split())
