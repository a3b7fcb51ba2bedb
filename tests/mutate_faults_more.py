"""Further faults for mutate_python.py: of kinds that tests did not see, and of later parts."""

# ruff: noqa: E501 - a row has the texts as they stand

# fmt: off
MORE = (
    ("train/sums.py", "others[:2] if parts == 2 else (loss, n)", "(loss, n)", "test_missed_more test_fit test_loop test_trainer"),
    ("io/model.py", "with without_values():", "if True:", "test_io_goldens test_io_models"),

    ("train/checkpoint.py", 'random.set_rng_state(state["random"])', 'random.get_rng_state()', "test_checkpoint"),
    ("train/schedule.py", "settings_by_step(self.scheduler, self.optimizer, self._updates(done))",
     "settings_by_step(self.scheduler, self.optimizer, done)", "test_missed_more test_checkpoint test_rates test_fit_runs"),
    # Data larger than memory
    ("io/rows/arrays.py", "found = sorted(glob.glob(text))", "found = glob.glob(text)[::-1]", "test_large_tables test_large_tables_ends test_large_tables_named"),
    ("io/rows/arrays.py", "if size < offset + self.rows * self._bytes:", "if size < self.rows * self._bytes:", "test_large_tables_faults test_large_tables"),
    ("io/rows/arrays.py", 'array.flags.c_contiguous and array.mode in ("r", "r+", "w+")', "array.flags.c_contiguous", "test_missed_parts test_large_tables test_large_tables_faults"),
    ("io/rows/arrays.py", "if other.names != first.names:", "if len(other.names or ()) != len(first.names or ()):", "test_missed_parts test_large_tables_named test_large_tables_faults"),
    ("io/rows/text.py", "quoted ^= line.count(b'\"') % 2 == 1", "quoted = False", "test_missed_parts test_large_tables test_large_tables_named test_large_tables_faults"),
    ("io/rows/text.py", 'decode("utf-8-sig")', 'decode("utf-8")', "test_missed_parts test_large_tables test_large_tables_named test_large_tables_faults"),
    ("io/rows/views.py", "[row - int(self._cuts_here[block])]", "[0]", "test_missed_parts test_large_tables_faults test_large_tables"),
    ("io/rows/views.py", "self._mean[places], self._scale[places]", "self._mean[: len(places)], self._scale[: len(places)]", "test_missed_parts test_large_tables_named test_large_tables"),
    ("io/rows/batches.py", "if more or any(len(batch[0]) for batch in self._batches):", "if more:", "test_large_tables_faults test_large_tables"),
    ("io/rows/batches.py", "if begin < self._place or self._place < 0:", "if self._place < 0:", "test_missed_parts test_large_tables test_large_tables_ends"),
    ("train/stream/windows.py", "mixes = seed is not None and not table.source.once", "mixes = seed is not None", "test_missed_parts test_large_tables test_large_tables_ends"),
    ("train/stream/taking.py", "kinds = max(outputs[-1], 2)", "kinds = outputs[-1]", "test_missed_parts test_large_tables test_large_tables_faults"),
    ("train/stream/taking.py", "counted = labels >= 0", "counted = labels >= labels[0]", "test_missed_parts test_large_tables test_large_tables_faults"),
    # The playground's server
    ("playground/server.py", "origin is None or origin in", "True or origin in", "test_playground_server"),
    ("playground/server.py", "return int(digits) if int(digits) <= MOST_BYTES else None", "return int(digits)", "test_playground_server"),
    ("playground/server.py", "path in SECRET and not self._comes_from_the_page()", "path in SECRET and not self._host_fits()", "test_playground_server"),
    ("playground/server.py", 'return self.headers.get("Host", "").lower() in self.server.hosts', "return True", "test_playground_server"),
    ("playground/server.py", "    timeout = IDLE_SECONDS\n", "", "test_playground_server"),
    ("playground/server.py", "        self._end_after_a_body()\n", "", "test_playground_server"),
    ("playground/server.py", "hmac.compare_digest(token.encode(), self.server.token.encode())", 'bool(token) and token in self.server.token', "test_playground_server"),
    # Several processes
    ("ranks/agreement.py", "for what in {**found[0], **other}:", "for what in other:", "test_missed_parts test_mpi"),
    ("train/dealing.py", "slices = min(self.slices, max(1, rows // least))", "slices = min(self.slices, rows)", "test_mpi"),
    ("train/dealing.py", "if slices and ranks.size > slices:", "if slices and ranks.size > slices + 1:", "test_missed_parts test_mpi"),
    # Tables
    ("tabular/holdout.py", "if len(moved) == len(test):", "if len(moved) > len(test):", "test_missed_parts test_cli_tabular test_tables test_bad_tables"),
    ("tabular/holdout.py", "found.update(np.ascontiguousarray(table.y).tobytes())", "pass", "test_missed_parts test_cli_tabular test_tables test_io_models"),
    ("tabular/encoding.py", "month.astype(np.int64) % 12 + 1", "month.astype(np.int64) % 12", "test_missed_parts test_tables test_columns test_export_c test_tabular_rows"),
    ("tabular/encoding.py", "(day.astype(np.int64) + 3) % 7", "day.astype(np.int64) % 7", "test_missed_parts test_tables test_columns test_tabular_rows"),
    ("tabular/encoding.py", "key=lambda text: (-counts[text], text)", "key=lambda text: -counts[text]", "test_missed_parts test_tables test_columns test_tabular_rows"),
    ("tabular/encoding.py", "float(parts[part][~gone].mean()) for part in varying", "float(parts[part][~gone].min()) for part in varying", "test_tables test_columns test_tabular_rows"),
    ("tabular/presets.py", "if own is None and lr is not None:", "if own is not None and lr is None:", "test_missed_parts test_cli_choices test_cli test_tabular_estimators"),
    ("tabular/targets.py", "found = np.array(y, object) if len(kinds) > 1 else found", "found = found", "test_tabular_estimators test_bad_tables"),
    # Files
    ("io/atomic.py", "& 0o777 if os.path.exists(target) else None", "& 0o777 if False else None", "test_io_saving"),
    ("io/atomic.py", "if stat.S_ISREG(os.fstat(handle).st_mode) and _lock(handle, wait=False):", "if stat.S_ISREG(os.fstat(handle).st_mode):", "test_io_saving"),
    # Progress, callbacks, plots
    ("train/progress.py", "self.telling = self._bar is None and not _is_terminal()", "self.telling = self._bar is None", "test_missed_parts test_progress_streams test_live test_callbacks"),
    ("train/progress.py", "if self._last is not None and (is_first or self._has_told):", "if self._last is not None:", "test_progress_streams test_live test_callbacks"),
    ("plot/paths.py", "kept = points[values <= values[0]]", "kept = points[values < values[0]]", "test_missed_parts test_plot test_plot_values test_plot_manners"),
    ("plot/axes.py", "joined.max() > 20 * joined.min()", "joined.max() > 10 * joined.min()", "test_missed_parts test_plot test_plot_values test_plot_manners"),
    ("plot/curves.py", "by.numpy()[0, -1] if by is not None else 0.0", "by.numpy()[0, 0] if by is not None else 0.0", "test_missed_parts test_plot test_plot_values test_plot_manners"),
    ("plot/curves.py", "scheduler = copy.deepcopy(scheduler)", "scheduler = scheduler", "test_plot test_plot_values test_plot_manners"),
    ("plot/explanations.py", "20 + 120 * found.rows / found.rows.max()", "20 + 120 * found.rows / found.rows.sum()", "test_missed_parts test_plot test_plot_values test_plot_manners"),
    # Populations, scikit-learn, metrics, layers
    ("population/likeness.py", "if type(part) is not Dropout]", "if True]", "test_population test_population_runs"),
    ("population/search.py", "check.seed(seed))", "0 * check.seed(seed))", "test_missed_parts test_population test_population_results"),
    ("sklearn/kits.py", "if given[i].flags.writeable:", "if True:", "test_missed_parts test_sklearn_estimators test_sklearn_extras test_sklearn_kits"),
    ("train/metrics/batchwise.py", "later = ops.gt(arange(z.shape[1]), of)", "later = ops.ge(arange(z.shape[1]), of)", "test_metrics"),
    ("train/metrics/regression.py", "where=whole != 0, out=np.ones_like(rest)", "where=whole != 1, out=np.ones_like(rest)", "test_missed_parts test_metrics"),
    ("nn/losses/margin.py", "ended = ops.cumsum(ops.cast(ops.lt(y, 0), x.dtype), 1)", "ended = ops.cast(ops.lt(y, 0), x.dtype)", "test_missed_parts test_losses test_values_of_torch test_layers_golden"),
    ("nn/layers/embedding_bag.py", "self.padding_idx = at % shape[0]", "self.padding_idx = at", "test_missed_parts test_layers_golden test_layers test_new_layers"),
    ("nn/layers/embedding_bag.py", "begin[0] != 0 or (np.diff(begin) < 0).any()", "begin[0] != 0", "test_missed_parts test_layers_golden test_layers test_new_layers test_error_kinds"),
)
# fmt: on
