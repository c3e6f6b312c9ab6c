"""What went wrong in a training, judged by its curves and answers: few verdicts, each with its numbers; no torch."""
