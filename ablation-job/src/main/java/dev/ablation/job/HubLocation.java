package dev.ablation.job;

import dev.ablation.djl.hub.Hub;
import dev.ablation.djl.hub.HubModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model on the Hugging Face Hub, as a location names it: {@code
 * owner/name[/FILE.safetensors]@revision}.
 *
 * @param name {@code owner/name}
 * @param file one of its files; {@code null} for its pipeline
 * @param revision a branch, tag or commit; {@code null} for the main branch
 */
record HubLocation(String name, @Nullable String file, @Nullable String revision) {
  private static final Logger LOG = LoggerFactory.getLogger(HubLocation.class);
  private static final Pattern FORM =
      Pattern.compile(
          "([A-Za-z0-9_][\\w.-]*/[A-Za-z0-9_][\\w.-]*)(?:/(.+\\.safetensors))?(?:@([\\w./-]+))?");
  private static final long MEGABYTE = 1_000_000;

  /** Log lines while something is downloaded. */
  private static final int LINES = 20;

  /** Reads a location; empty if it is no name of the Hub. */
  static Optional<HubLocation> of(String location) {
    Matcher matcher = FORM.matcher(location);
    return matcher.matches()
        ? Optional.of(new HubLocation(matcher.group(1), matcher.group(2), matcher.group(3)))
        : Optional.empty();
  }

  /**
   * The location that a user's argument means: what exists here is a path and never looked up on
   * the Hub.
   */
  static String ofArgument(String argument) {
    Optional<HubLocation> hub = of(argument);
    if (hub.isEmpty() || exists(argument)) {
      return argument;
    }
    return hub.get().revision == null ? argument + "@main" : argument;
  }

  private static boolean exists(String path) {
    try {
      return Files.exists(Path.of(path));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /** Finds the files in the cache, or fetches them into it. */
  Path fetch() throws IOException {
    HubModel model = Hub.model(name);
    if (revision != null) {
      model = model.revision(revision);
    }
    AtomicLong told = new AtomicLong(-1);
    model =
        model.progress(progress -> {
          long step = (long) (progress.fraction() * LINES);
          if (progress.total() > 0 && told.getAndSet(step) != step) {
            LOG.info(
                "{}: {} of {} MB", name, progress.done() / MEGABYTE, progress.total() / MEGABYTE);
          }
        });
    return file == null ? model.download() : model.file(file);
  }
}
