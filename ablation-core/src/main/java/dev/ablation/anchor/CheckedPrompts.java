package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;

/** Queries a source until it has given enough usable prompts. */
record CheckedPrompts(PromptSource source, int attempts) implements PromptSource {
  CheckedPrompts {
    Preconditions.checkArgument(attempts > 0, "attempts must be positive, was %s", attempts);
  }

  @Override
  public List<String> prompts(PromptRequest request) throws IOException {
    PromptCollector collector = new PromptCollector(request);
    int answers = 0;
    while (!collector.isComplete() && answers < attempts) {
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedIOException("interrupted while asking for prompts");
      }
      try {
        collector.offer(source.prompts(collector.rest()));
      } catch (TooFewPromptsException e) {
        // A source that checks its own answers has already retried: use what it found and stop.
        collector.offer(e.found());
        return collector.complete(answers + 1, e);
      }
      answers++;
    }
    return collector.complete(answers);
  }

  @Override
  public PromptSource checked(int attempts) {
    return new CheckedPrompts(source, attempts);
  }
}
