"""Reports on a sweep: leaderboard, live table, HTML report, figures."""
