"""Shows that sequences bite: every sequence against every defect of its simulator (wiring, like the plugin)."""
