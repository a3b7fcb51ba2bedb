"""Further faults for mutate_python.py: of kinds that tests once did not see."""

# ruff: noqa: E501 - a row has the texts as they stand

# fmt: off
MORE = (
    ("train/sums.py", "others[:2] if parts == 2 else (loss, n)", "(loss, n)", "test_missed_more test_fit test_loop test_trainer"),
    ("io/model.py", "with without_values():", "if True:", "test_io_goldens test_io_models"),

    ("train/checkpoint.py", 'random.set_rng_state(state["random"])', 'random.get_rng_state()', "test_checkpoint"),
    ("train/schedule.py", "settings_by_step(self.scheduler, self.optimizer, self._updates(done))",
     "settings_by_step(self.scheduler, self.optimizer, done)", "test_checkpoint test_rates test_fit_runs"),
)
# fmt: on
