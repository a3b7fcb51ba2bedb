"""MindSpore's names for fastnn's own classes, for scripts with `import fastnn as mindspore`.

The root package offers them at its top, in `nn` and in `ops`. They work on fastnn's Tensor, which
has torch's semantics; MindSpore's own are those of `fastnn.mindspore`.
"""
