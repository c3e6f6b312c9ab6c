"""What a sweep shows: leaderboard, live table, report, figures."""
