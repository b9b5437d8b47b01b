"""`python -m appliance.cli` is the `provision` command."""

from appliance.cli.main import main

main()
