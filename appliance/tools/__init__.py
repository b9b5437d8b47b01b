"""Programs and clocks outside this process, one adapter each."""
