package dev.ablation.listener;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Appends each event to a file as a line of JSON: {@code "event"} is its name, {@code "time"} the
 * time of writing, and the rest are the event's values under their names. Durations are in seconds;
 * errors and non-finite numbers are strings. Each line is flushed at once, so the file can be
 * followed while it grows. A run that resumes from a checkpoint continues its lines: events of a
 * step that the file already has are not written again.
 *
 * {@snippet class="dev.ablation.Snippets" region="logs"}
 *
 * <p>Supports one run at a time.
 */
public final class JsonLinesLog implements AblationListener {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final String STARTED = AblationEvent.Started.class.getSimpleName();
  private static final String RESUMED = AblationEvent.Resumed.class.getSimpleName();
  private static final String SAVED = AblationEvent.CheckpointSaved.class.getSimpleName();

  private final Path path;
  private @Nullable LogFile file;

  /** The step events that the file holds of its last run. */
  private final Set<String> written = new HashSet<>();

  /** Whether a run has begun that may still turn out to resume from a checkpoint. */
  private boolean undecided;

  private JsonLinesLog(Path path) {
    this.path = path;
  }

  /**
   * Creates a log.
   *
   * @param file the log file; created with its folder if it does not exist, else appended to
   * @return the listener
   */
  public static JsonLinesLog to(Path file) {
    return new JsonLinesLog(Objects.requireNonNull(file, "file"));
  }

  @Override
  public void on(AblationEvent event) {
    try {
      LogFile opened = file;
      if (opened == null) {
        opened = open();
      }
      JsonObject json = json(event);
      if (isNew(json)) {
        opened.append(GSON.toJson(json));
      }
      if (event instanceof AblationEvent.Completed || event instanceof AblationEvent.Failed) {
        file = null;
        opened.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private LogFile open() throws IOException {
    LogFile opened = LogFile.open(path);
    written.clear();
    undecided = false;
    for (String line : opened.before()) {
      try {
        isNew(JsonParser.parseString(line).getAsJsonObject());
      } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
        opened.close();
        throw new IOException(
            path + ": must be a log of events, but has the line '" + line + "'", e);
      }
    }
    file = opened;
    return opened;
  }

  /** Returns whether an event is not yet in the file, and keeps track of it. */
  private boolean isNew(JsonObject json) {
    String event = json.has("event") ? json.get("event").getAsString() : "";
    if (event.equals(STARTED)) {
      undecided = true;
      return true;
    }
    if (event.equals(RESUMED)) {
      undecided = false;
      return true;
    }
    if (!json.has("step") || event.equals(SAVED)) {
      return true;
    }
    if (undecided) {
      written.clear();
      undecided = false;
    }
    return written.add(event + " " + json.get("step") + " " + json.get("name"));
  }

  private static JsonObject json(AblationEvent event) {
    JsonObject json = new JsonObject();
    json.addProperty("event", event.getClass().getSimpleName());
    json.addProperty("time", Instant.now().toString());
    for (RecordComponent component : event.getClass().getRecordComponents()) {
      try {
        json.add(component.getName(), json(component.getAccessor().invoke(event)));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("events are public records", e);
      }
    }
    return json;
  }

  private static JsonElement json(@Nullable Object value) {
    if (value instanceof Duration duration) {
      return new JsonPrimitive(duration.toNanos() / 1e9);
    }
    if (value instanceof List<?> list) {
      JsonArray array = new JsonArray();
      list.forEach(each -> array.add(json(each)));
      return array;
    }
    if (value instanceof Boolean flag) {
      return new JsonPrimitive(flag);
    }
    if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
      return new JsonPrimitive(number);
    }
    return new JsonPrimitive(String.valueOf(value));
  }

  @Override
  public String toString() {
    return "JSON Lines log " + path;
  }
}
