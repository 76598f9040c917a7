"""Pure decisions about runs: plan, state table, scheduler, and the rules that they follow."""
