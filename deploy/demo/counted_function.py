"""The example function, keeping account for the demo: counted_function.py PORT FILE appends the id of every event to FILE."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
import function  # noqa: E402

if __name__ == "__main__":
    ledger = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    function.serve(int(sys.argv[1]), lambda event, headers: os.write(ledger, f"{event['id']}\n".encode()))
