package dev.ablation.djl.hub;

import dev.ablation.djl.hub.HubException.Reason;
import dev.ablation.internal.JsonFormatException;
import dev.ablation.internal.StrictJson;
import dev.ablation.internal.StrictJson.JsonNumber;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Flow;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The requests of the Hub. */
final class HubClient {
  static final int OK = 200;
  static final int PARTIAL = 206;
  static final int RANGE_NOT_SATISFIABLE = 416;

  private static final int UNAUTHORIZED = 401;
  private static final int FORBIDDEN = 403;
  private static final int NOT_FOUND = 404;
  private static final int CONNECTIONS = 2;
  private static final int MOST_REDIRECTS = 10;
  private static final int MOST_PAGES = 1000;
  private static final int MOST_JSON = 64 << 20;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final Set<String> HUB_HOSTS = Set.of("huggingface.co", "hf.co");
  private static final Pattern NEXT = Pattern.compile("<([^>]*)>\\s*;\\s*rel=\"?next\"?");

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

  /** Shared: each client has a thread of its own. */
  private static final class Http {
    static final HttpClient CLIENT =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();
  }

  private final HubSettings settings;
  private final String repository;
  private final Retries retries;

  HubClient(HubSettings settings, String repository, Retries retries) {
    this.settings = settings;
    this.repository = repository;
    this.retries = retries;
  }

  /**
   * An answer, redirects followed.
   *
   * @param uri who answered
   * @param status its status
   * @param headers its headers
   * @param body its content, closed with it
   */
  record Answer(URI uri, int status, HttpHeaders headers, InputStream body)
      implements AutoCloseable {
    @Nullable String header(String name) {
      return headers.firstValue(name).orElse(null);
    }

    @Override
    public void close() {
      try {
        body.close();
      } catch (IOException e) {
        // What was needed has been read.
        return;
      }
    }
  }

  /** Metadata of a file, and the commit that it is of. */
  record Head(String commit, HubFile file) {}

  /** Returns the commit that a branch or tag is at. */
  String commit(String revision) throws IOException {
    URI uri = uri("/api/models/" + repository + "/revision/" + encoded(revision));
    Object answer = json(uri, revision).value();
    if (answer instanceof Map<?, ?> map
        && map.get("sha") instanceof String sha
        && HubNames.isCommit(sha)) {
      return sha;
    }
    throw invalid(uri, "its answer has no commit (sha)");
  }

  /** Lists the files of a commit. */
  List<HubFile> tree(String commit) throws IOException {
    List<HubFile> files = new ArrayList<>();
    @Nullable URI next =
        uri("/api/models/" + repository + "/tree/" + commit + "?recursive=true&expand=false");
    for (int pages = 0; next != null; pages++) {
      if (pages == MOST_PAGES) {
        throw invalid(next, "its listing has no end");
      }
      URI uri = next;
      Page page = json(uri, commit);
      if (!(page.value() instanceof List<?> items)) {
        throw invalid(uri, "its listing is no list");
      }
      for (Object item : items) {
        HubFile file = file(item, uri);
        if (file != null) {
          files.add(file);
        }
      }
      next = page.next() == null ? null : sameOrigin(uri, page.next());
    }
    return files;
  }

  private @Nullable HubFile file(@Nullable Object item, URI uri) throws HubException {
    if (!(item instanceof Map<?, ?> map) || !(map.get("path") instanceof String path)) {
      throw invalid(uri, "its listing has an entry without a path");
    }
    if (!"file".equals(map.get("type"))) {
      return null;
    }
    if (!HubNames.isPath(path)) {
      throw unsafe(path);
    }
    Map<?, ?> source = map.get("lfs") instanceof Map<?, ?> lfs ? lfs : map;
    if (source.get("oid") instanceof String oid
        && source.get("size") instanceof JsonNumber size
        && size.isInteger()
        && HubNames.isHash(oid)) {
      return new HubFile(path, size.exact().longValue(), oid, String.valueOf(map.get("oid")));
    }
    throw invalid(uri, "its listing has no size and hash of " + shown(path));
  }

  /** Asks for a file's metadata. */
  Head head(String revision, String path) throws IOException {
    URI uri = resolve(revision, path);
    try (Answer answer = send("HEAD", uri, 0)) {
      if (answer.status() == NOT_FOUND) {
        String commit = answer.header("X-Repo-Commit");
        throw "EntryNotFound".equals(answer.header("X-Error-Code"))
                && commit != null
                && HubNames.isCommit(commit)
            ? new NoSuchEntry(commit, failure(answer, uri, revision, path))
            : failure(answer, uri, revision, path);
      }
      if (answer.status() != OK && !REDIRECTS.contains(answer.status())) {
        throw failure(answer, uri, revision, path);
      }
      String commit = answer.header("X-Repo-Commit");
      String linked = answer.header("X-Linked-Etag");
      String etag = linked == null ? answer.header("ETag") : linked;
      if (commit == null || !HubNames.isCommit(commit) || etag == null) {
        throw invalid(uri, "its answer has no commit (X-Repo-Commit) or no ETag");
      }
      String hash = etag.strip().replaceFirst("^W/", "").replace("\"", "");
      if (!HubNames.isHash(hash)) {
        throw invalid(
            uri, "the ETag of " + path + " must be a SHA-256 or a git hash, so nothing proves it");
      }
      return new Head(commit, new HubFile(path, size(answer), hash, hash));
    }
  }

  private static long size(Answer answer) {
    String size = answer.header("X-Linked-Size");
    if (size == null && !REDIRECTS.contains(answer.status())) {
      size = answer.header("Content-Length");
    }
    return size != null && size.matches("\\d{1,18}") ? Long.parseLong(size) : -1;
  }

  /** A file that a revision lacks. */
  static final class NoSuchEntry extends IOException {
    private static final long serialVersionUID = 1L;
    private final String commit;
    private final HubException reason;

    NoSuchEntry(String commit, HubException reason) {
      super(reason.getMessage(), reason);
      this.commit = commit;
      this.reason = reason;
    }

    String commit() {
      return commit;
    }

    HubException reason() {
      return reason;
    }
  }

  /**
   * Asks for a file's content, once.
   *
   * @param from the first byte; from any other than 0 the answer may be {@link #PARTIAL}
   * @return an answer of status {@link #OK}, {@link #PARTIAL} or {@link #RANGE_NOT_SATISFIABLE}
   * @throws Retries.Later if the server asks for patience
   */
  Answer open(String commit, String path, long from) throws IOException {
    URI uri = resolve(commit, path);
    Answer answer = once("GET", uri, from);
    boolean expected =
        answer.status() == OK
            || (from > 0
                && (answer.status() == PARTIAL || answer.status() == RANGE_NOT_SATISFIABLE));
    if (expected) {
      return answer;
    }
    try (answer) {
      if (!isHub(answer.uri())) {
        // Such as a signed address that has expired; the Hub gives another one.
        throw new IOException(shown(answer.uri()) + " answered with status " + answer.status());
      }
      throw failure(answer, uri, commit, path);
    }
  }

  private record Page(@Nullable Object value, @Nullable String next) {}

  private Page json(URI uri, String revision) throws IOException {
    try (Answer answer = send("GET", uri, 0)) {
      if (answer.status() != OK) {
        throw failure(answer, uri, revision, null);
      }
      byte[] bytes = answer.body().readNBytes(MOST_JSON + 1);
      if (bytes.length > MOST_JSON) {
        throw invalid(uri, "its answer is longer than %d bytes".formatted(MOST_JSON));
      }
      Matcher next = NEXT.matcher(Objects.requireNonNullElse(answer.header("Link"), ""));
      return new Page(parse(bytes, uri), next.find() ? next.group(1) : null);
    }
  }

  private @Nullable Object parse(byte[] bytes, URI uri) throws IOException {
    try {
      return StrictJson.parse(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException | JsonFormatException e) {
      throw invalid(uri, "its answer is no JSON: " + e.getMessage());
    }
  }

  /** Sends a request again while the connection breaks or the server asks for patience. */
  private Answer send(String method, URI uri, long from) throws IOException {
    Retries.Series series = retries.start(CONNECTIONS);
    while (true) {
      try {
        return once(method, uri, from);
      } catch (HubException | InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        series.failed(e, () -> unreachable(e));
      }
    }
  }

  HubException unreachable(IOException cause) {
    String what = cause.getMessage();
    return new HubException(
        Reason.UNREACHABLE,
        repository,
        ("%s cannot be reached (%s). Without a connection, models that the cache holds can be opened"
                + " (HF_HUB_OFFLINE=1); a mirror is named by HF_ENDPOINT, a proxy by -Dhttps.proxyHost"
                + " and -Dhttps.proxyPort")
            .formatted(settings.endpoint(), what == null ? cause.getClass().getSimpleName() : what),
        cause);
  }

  private Answer once(String method, URI first, long from) throws IOException {
    URI uri = first;
    for (int hops = 0; hops <= MOST_REDIRECTS; hops++) {
      Answer answer = exchange(method, uri, from);
      if (!REDIRECTS.contains(answer.status())) {
        Retries.checkPatience(answer.status(), answer.headers());
        return answer;
      }
      String location = answer.header("Location");
      if (location == null) {
        throw closing(answer, invalid(uri, "it redirects nowhere"));
      }
      URI target = ofMirror(target(uri, location, answer));
      if (method.equals("HEAD") && !isHub(target)) {
        // The metadata are this answer's own; the other host knows nothing of them.
        return answer;
      }
      answer.close();
      uri = target;
    }
    throw invalid(first, "it redirects more than %d times".formatted(MOST_REDIRECTS));
  }

  private URI target(URI uri, String location, Answer answer) throws HubException {
    URI target;
    try {
      target = uri.resolve(location);
    } catch (IllegalArgumentException e) {
      throw closing(answer, invalid(uri, "it redirects to what is no address"));
    }
    String scheme = String.valueOf(target.getScheme()).toLowerCase(Locale.ROOT);
    boolean safe =
        scheme.equals("https") || (scheme.equals("http") && "http".equals(uri.getScheme()));
    if (!safe || target.getHost() == null) {
      throw closing(
          answer, invalid(uri, "it redirects to %s, which is not safe".formatted(shown(target))));
    }
    return target;
  }

  private static HubException closing(Answer answer, HubException e) {
    answer.close();
    return e;
  }

  private Answer exchange(String method, URI uri, long from) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(settings.timeout())
            .header("Accept-Encoding", "identity")
            .header("User-Agent", "ablation; java/" + Runtime.version().feature());
    String token = settings.token();
    if (token != null && isSameOrigin(uri, settings.endpoint())) {
      request.header("Authorization", "Bearer " + token);
    }
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    BodyStream body = new BodyStream(settings.timeout());
    try {
      HttpResponse<Flow.Publisher<List<ByteBuffer>>> response =
          Http.CLIENT.send(request.build(), BodyHandlers.ofPublisher());
      response.body().subscribe(body);
      return new Answer(
          uri, response.statusCode(), response.headers(), decoded(body, response, method));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /** Some servers pack what was asked for plain. */
  private static InputStream decoded(BodyStream body, HttpResponse<?> response, String method)
      throws IOException {
    String encoding = response.headers().firstValue("Content-Encoding").orElse("").strip();
    boolean packed = encoding.equals("gzip") && response.statusCode() == OK;
    return packed && !method.equals("HEAD") ? new GZIPInputStream(body) : body;
  }

  private URI resolve(String revision, String path) {
    List<String> parts = new ArrayList<>();
    for (String part : path.split("/", -1)) {
      parts.add(encoded(part));
    }
    return uri("/" + repository + "/resolve/" + encoded(revision) + "/" + String.join("/", parts));
  }

  private URI uri(String path) {
    return URI.create(settings.endpoint() + path);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private URI sameOrigin(URI uri, String link) throws HubException {
    URI next;
    try {
      next = ofMirror(uri.resolve(link));
    } catch (IllegalArgumentException e) {
      throw invalid(uri, "the next page of its listing has no sound address");
    }
    if (!isSameOrigin(next, uri)) {
      throw invalid(uri, "the next page of its listing is on another host");
    }
    return next;
  }

  /** A mirror copies answers that name the Hub itself. */
  private URI ofMirror(URI uri) {
    boolean ofHub = "huggingface.co".equals(uri.getHost());
    if (!ofHub || isSameOrigin(uri, settings.endpoint())) {
      return uri;
    }
    String query = uri.getRawQuery();
    return uri(uri.getRawPath() + (query == null ? "" : "?" + query));
  }

  private boolean isHub(URI uri) {
    return isSameOrigin(uri, settings.endpoint()) || HUB_HOSTS.contains(uri.getHost());
  }

  private static boolean isSameOrigin(URI one, URI other) {
    return String.valueOf(one.getHost()).equalsIgnoreCase(other.getHost())
        && String.valueOf(one.getScheme()).equalsIgnoreCase(other.getScheme())
        && port(one) == port(other);
  }

  private static int port(URI uri) {
    if (uri.getPort() >= 0) {
      return uri.getPort();
    }
    return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
  }

  /** Explains a status. */
  private HubException failure(Answer answer, URI uri, String revision, @Nullable String path) {
    String code = Objects.requireNonNullElse(answer.header("X-Error-Code"), "");
    int status = answer.status();
    String page = settings.endpoint() + "/" + repository;
    if (code.equals("GatedRepo") || (status == FORBIDDEN && !code.equals("RepoNotFound"))) {
      return error(
          Reason.GATED,
          ("access must be granted by its publisher: accept the conditions at %s, then name a token"
                  + " of that account in HF_TOKEN (%s)")
              .formatted(page, sent()));
    }
    if (code.equals("RevisionNotFound")) {
      return error(Reason.NO_REVISION, "has no branch, tag or commit '%s'".formatted(revision));
    }
    if (path != null && (code.equals("EntryNotFound") || (status == NOT_FOUND && code.isEmpty()))) {
      return error(
          Reason.NO_FILE, "revision '%s' has no file '%s'".formatted(revision, shown(path)));
    }
    if (code.equals("RepoNotFound") || status == NOT_FOUND || status == UNAUTHORIZED) {
      return error(
          Reason.NO_REPOSITORY,
          ("there is no such model at %s, or it is private and needs a token with access in HF_TOKEN"
                  + " (%s)")
              .formatted(page, sent()));
    }
    return error(Reason.UNREACHABLE, "%s answered with status %d".formatted(shown(uri), status));
  }

  private String sent() {
    return settings.token() == null ? "no token was sent" : "a token was sent";
  }

  private HubException error(Reason reason, String problem) {
    return new HubException(reason, repository, problem, null);
  }

  private HubException invalid(URI uri, String problem) {
    return error(
        Reason.INVALID_ANSWER,
        "%s does not answer as a Hub does: %s".formatted(shown(uri), problem));
  }

  HubException unsafe(String path) {
    return error(
        Reason.INVALID_ANSWER,
        "lists the file '%s', which would lie outside of its folder; nothing was fetched"
            .formatted(shown(path)));
  }

  /** Without query, which may hold a signature. */
  private static String shown(URI uri) {
    return uri.getScheme() + "://" + uri.getRawAuthority() + uri.getRawPath();
  }

  private static String shown(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
