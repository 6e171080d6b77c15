package dev.ablation.djl.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How often and after which pause a request is sent again. */
final class Retries {
  private static final int ATTEMPTS = 6;
  private static final Duration FIRST = Duration.ofMillis(500);
  private static final Duration LONGEST = Duration.ofMinutes(5);
  private static final Set<Integer> PATIENCE = Set.of(408, 429, 500, 502, 503, 504);

  private final Pause pause;

  Retries(Pause pause) {
    this.pause = pause;
  }

  static Retries sleeping() {
    return new Retries(duration -> Thread.sleep(duration.toMillis()));
  }

  /** Waits. */
  @FunctionalInterface
  interface Pause {
    void of(Duration duration) throws InterruptedException;
  }

  /** A status that may be another one later. */
  static final class Later extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient @Nullable Duration after;

    Later(int status, @Nullable Duration after) {
      super(
          status == 429
              ? "status 429, too many requests; a token (HF_TOKEN) raises the limit"
              : "status " + status);
      this.after = after;
    }
  }

  /** Throws {@link Later} for a status that may be another one later. */
  static void checkPatience(int status, HttpHeaders headers) throws Later {
    if (PATIENCE.contains(status)) {
      throw new Later(
          status,
          headers.firstValue("Retry-After").map(String::strip).map(Retries::parse).orElse(null));
    }
  }

  /** Seconds or a date. */
  private static @Nullable Duration parse(String text) {
    if (text.matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(text));
    }
    try {
      Duration until =
          Duration.between(
              Clock.systemUTC().instant(),
              ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      return until.isNegative() ? Duration.ZERO : until;
    } catch (DateTimeException e) {
      return null;
    }
  }

  /**
   * Begins attempts at one thing.
   *
   * @param connections how often a host may fail to answer at all
   */
  Series start(int connections) {
    return new Series(connections);
  }

  /** Attempts at one thing. */
  final class Series {
    private final int connections;
    private int failures;

    Series(int connections) {
      this.connections = connections;
    }

    /** Forgets failures, as something was achieved. */
    void progressed() {
      failures = 0;
    }

    /**
     * Notes a failure and waits.
     *
     * @param e the failure
     * @param last what is thrown if it was one too many
     */
    void failed(IOException e, Supplier<HubException> last) throws IOException {
      failures++;
      Duration wait = FIRST.multipliedBy(1L << (failures - 1));
      if (e instanceof Later later && later.after != null) {
        wait = later.after;
      }
      boolean silent = e instanceof ConnectException || e instanceof HttpConnectTimeoutException;
      int most = silent ? Math.min(connections, ATTEMPTS) : ATTEMPTS;
      if (failures >= most || wait.compareTo(LONGEST) > 0) {
        throw last.get();
      }
      try {
        pause.of(wait);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted");
      }
    }
  }
}
