"""The story, one short module a step, and the engine that runs, resumes and stops them."""
