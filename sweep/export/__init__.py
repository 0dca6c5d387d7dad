"""What leaves a study: configs, code, tables, and a config trained again."""
