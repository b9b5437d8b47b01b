"""`python -m stage1`: never ends by itself."""

from __future__ import annotations

from .supervisor import main

if __name__ == "__main__":
    main()
