package dev.ablation.djl.hub;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Where the Hub and its cache are, and who asks. The rules are huggingface_hub's. */
final class HubSettings {
  private static final String ENDPOINT = "https://huggingface.co";
  private static final Set<String> TRUE = Set.of("1", "on", "yes", "true");
  private static final Pattern VARIABLE = Pattern.compile("\\$(\\w+)|\\$\\{([^}]*)}");
  private static final int SECONDS = 10;

  private URI endpoint;
  private Path cache;
  private @Nullable String token;
  private boolean offline;
  private final boolean symlinks;
  private final Duration timeout;

  private HubSettings(Map<String, String> environment, Path home) {
    Environment variables = new Environment(environment, home);
    endpoint = endpoint(variables.get("HF_ENDPOINT"));
    Path xdg = variables.path("XDG_CACHE_HOME", home.resolve(".cache"));
    Path own = variables.path("HF_HOME", xdg.resolve("huggingface"));
    cache =
        variables.path("HF_HUB_CACHE", variables.path("HUGGINGFACE_HUB_CACHE", own.resolve("hub")));
    token = variables.token(variables.path("HF_TOKEN_PATH", own.resolve("token")));
    offline = variables.isTrue("HF_HUB_OFFLINE") || variables.isTrue("TRANSFORMERS_OFFLINE");
    symlinks = !variables.isTrue("HF_HUB_DISABLE_SYMLINKS");
    timeout = variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT");
  }

  private HubSettings(HubSettings other) {
    endpoint = other.endpoint;
    cache = other.cache;
    token = other.token;
    offline = other.offline;
    symlinks = other.symlinks;
    timeout = other.timeout;
  }

  static HubSettings ofEnvironment() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  static HubSettings of(Map<String, String> environment, Path home) {
    return new HubSettings(environment, home);
  }

  /** The address of the Hub or of a mirror, without a slash at its end. */
  URI endpoint() {
    return endpoint;
  }

  /** The folder with {@code models--owner--name}. */
  Path cache() {
    return cache;
  }

  /** Who asks; never part of a message. */
  @Nullable String token() {
    return token;
  }

  boolean offline() {
    return offline;
  }

  /** Whether snapshots may hold symbolic links. */
  boolean symlinks() {
    return symlinks;
  }

  /** How long the server may be silent. */
  Duration timeout() {
    return timeout;
  }

  HubSettings endpoint(URI other) {
    HubSettings copy = new HubSettings(this);
    copy.endpoint = endpoint(other.toString());
    return copy;
  }

  HubSettings cache(Path other) {
    HubSettings copy = new HubSettings(this);
    copy.cache = Objects.requireNonNull(other, "cache");
    return copy;
  }

  HubSettings token(@Nullable String other) {
    HubSettings copy = new HubSettings(this);
    copy.token = other == null ? null : checkToken(other, "token");
    return copy;
  }

  HubSettings offline(boolean other) {
    HubSettings copy = new HubSettings(this);
    copy.offline = other;
    return copy;
  }

  private static URI endpoint(@Nullable String text) {
    if (text == null) {
      return URI.create(ENDPOINT);
    }
    String stripped = text.strip().replaceAll("/+$", "");
    try {
      URI uri = new URI(stripped);
      String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
      if (uri.getHost() != null
          && Set.of("http", "https").contains(scheme)
          && uri.getUserInfo() == null
          && uri.getQuery() == null
          && uri.getFragment() == null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // The message below says more than the parser's.
    }
    throw new IllegalArgumentException(
        "endpoint (HF_ENDPOINT) must be an address such as https://huggingface.co, was '"
            + stripped
            + "'");
  }

  /** A token becomes a header: anything but visible ASCII would be a mistake. */
  private static String checkToken(String text, String name) {
    String stripped = text.strip();
    if (stripped.isEmpty() || stripped.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new IllegalArgumentException(
          name + " must be of visible ASCII characters without spaces (it is not shown here)");
    }
    return stripped;
  }

  /** Variables of the environment; empty ones count as absent. */
  private record Environment(Map<String, String> values, Path home) {
    @Nullable String get(String name) {
      String value = values.get(name);
      return value == null || value.isBlank() ? null : value.strip();
    }

    boolean isTrue(String name) {
      String value = get(name);
      return value != null && TRUE.contains(value.toLowerCase(Locale.ROOT));
    }

    /** Expands {@code ~} and variables. */
    Path path(String name, Path otherwise) {
      String value = get(name);
      if (value == null) {
        return otherwise;
      }
      Matcher matcher = VARIABLE.matcher(value);
      String expanded =
          matcher.replaceAll(found -> {
            String variable = found.group(1) == null ? found.group(2) : found.group(1);
            return Matcher.quoteReplacement(values.getOrDefault(variable, found.group()));
          });
      if (expanded.equals("~") || expanded.startsWith("~/") || expanded.startsWith("~\\")) {
        return home.resolve(expanded.substring(Math.min(2, expanded.length())));
      }
      return Path.of(expanded);
    }

    @Nullable String token(Path file) {
      if (isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
        return null;
      }
      for (String name : new String[] {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
        String value = get(name);
        if (value != null) {
          return checkToken(value, name);
        }
      }
      if (!Files.isReadable(file)) {
        return null;
      }
      try {
        // Any bytes decode so, and checkToken says what is wrong with them.
        String text = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
        return text.isEmpty() ? null : checkToken(text, "the token in " + file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    Duration seconds(String name) {
      String value = get(name);
      if (value == null) {
        return Duration.ofSeconds(SECONDS);
      }
      if (!value.matches("[1-9][0-9]{0,5}")) {
        throw new IllegalArgumentException(
            name + " must be a positive number of seconds, was '" + value + "'");
      }
      return Duration.ofSeconds(Integer.parseInt(value));
    }
  }
}
