package dev.ablation.run;

import dev.ablation.anchor.AnchorContext;
import dev.ablation.event.AblationEvent;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/** What a run or its estimate shares with anchors and the trainer. */
final class RunContext implements AnchorContext {
  private final Plan plan;
  private final Listeners events;
  private final CheckpointSession continuation;
  private final BooleanSupplier cancelled;
  private final Map<String, String> notes = new TreeMap<>();

  RunContext(
      Plan plan, Listeners events, CheckpointSession continuation, BooleanSupplier cancelled) {
    this.plan = plan;
    this.events = events;
    this.continuation = continuation;
    this.cancelled = cancelled;
  }

  Plan plan() {
    return plan;
  }

  Listeners events() {
    return events;
  }

  CheckpointSession continuation() {
    return continuation;
  }

  /** Notes for provenance. */
  Map<String, String> notes() {
    return Collections.unmodifiableMap(notes);
  }

  @Override
  public long seed() {
    return plan.seed();
  }

  @Override
  public void progress(long done, long total, boolean fromCache) {
    events.on(new AblationEvent.AnchorsProgressed(done, total, fromCache));
  }

  @Override
  public void warn(String message) {
    events.on(new AblationEvent.Warning(message));
  }

  @Override
  public void note(String name, String value) {
    notes.put(name, value);
  }

  @Override
  public boolean cancelled() {
    return cancelled.getAsBoolean();
  }

  @Override
  public Optional<Path> folder() {
    return continuation.anchors();
  }
}
