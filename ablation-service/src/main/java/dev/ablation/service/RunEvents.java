package dev.ablation.service;

import java.io.IOException;
import java.util.function.Consumer;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Sends a run's changes, at most a few a second. */
final class RunEvents implements Consumer<RunView> {
  private static final long PAUSE_NANOS = 250_000_000L;

  private final SseEmitter emitter;
  private RunView.State state = RunView.State.WAITING;
  private long last;
  private boolean sent;
  private boolean gone;

  RunEvents(SseEmitter emitter) {
    this.emitter = emitter;
  }

  @Override
  public synchronized void accept(RunView view) {
    long now = System.nanoTime();
    if (gone || (sent && view.state() == state && now - last < PAUSE_NANOS)) {
      return;
    }
    sent = true;
    state = view.state();
    last = now;
    try {
      emitter.send(view);
      if (state != RunView.State.WAITING && state != RunView.State.RUNNING) {
        gone = true;
        emitter.complete();
      }
    } catch (IOException | IllegalStateException e) {
      gone = true; // the caller has gone
    }
  }
}
