"""The colours of tables, figures and pages."""

INK, QUIET, FAINT, GRID = "#1f2933", "#6b7785", "#c3cad3", "#e9edf1"
BLUE, AMBER = "#2b6cb0", "#c05621"
