package dev.ablation.djl.hub;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * A Hub with one repository on the loopback interface. Host 127.0.0.1 plays the Hub; large files
 * are redirected to host localhost, which plays the storage.
 */
final class HubServer implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  static final String REPOSITORY = "org/tiny";

  /** Larger files are stored elsewhere. */
  private static final int LARGE = 2048;

  private static final int PAGE = 7;

  /** What the server was asked. */
  record Request(String method, String host, String path, String token, String range) {
    boolean ofStorage() {
      return host.equals("localhost");
    }
  }

  /** Answers instead of the server. */
  @FunctionalInterface
  interface Reply {
    void to(HttpExchange exchange, byte[] content) throws IOException;
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, byte[]> files = new TreeMap<>();
  private final Map<String, String> etags = new ConcurrentHashMap<>();
  private final Map<String, Deque<Reply>> replies = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile String required = "";

  HubServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  HubServer file(String path, byte[] content) {
    files.put(path, content);
    return this;
  }

  HubServer file(String path, String content) {
    return file(path, content.getBytes(StandardCharsets.UTF_8));
  }

  HubServer without(String path) {
    files.remove(path);
    return this;
  }

  /** Adds all files of a folder. */
  HubServer folder(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        file(folder.relativize(file).toString().replace('\\', '/'), Files.readAllBytes(file));
      }
    }
    return this;
  }

  byte[] content(String path) {
    return files.get(path);
  }

  /** Publishes another hash than that of the content. */
  HubServer etag(String path, String etag) {
    etags.put(path, etag);
    return this;
  }

  /** Answers the next requests for something, one each. */
  HubServer next(String path, Reply... answers) {
    replies.computeIfAbsent(path, key -> new ArrayDeque<>()).addAll(List.of(answers));
    return this;
  }

  /** Opens to a token alone. */
  HubServer require(String token) {
    required = token;
    return this;
  }

  List<Request> requests() {
    return List.copyOf(requests);
  }

  void forget() {
    requests.clear();
  }

  /** The commit of refs/heads/main and of itself. */
  private boolean knows(String revision) {
    return revision.equals("main") || revision.equals(COMMIT) || revision.equals("refs/pr/1");
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String host = exchange.getRequestHeaders().getFirst("Host").replaceAll(":\\d+$", "");
      String path = exchange.getRequestURI().toString();
      requests.add(
          new Request(
              exchange.getRequestMethod(),
              host,
              path,
              first(exchange, "Authorization"),
              first(exchange, "Range")));
      if (host.equals("localhost")) {
        storage(exchange);
      } else {
        hub(exchange, exchange.getRequestURI().getPath());
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static String first(HttpExchange exchange, String header) {
    String value = exchange.getRequestHeaders().getFirst(header);
    return value == null ? "" : value;
  }

  private boolean replied(String key, HttpExchange exchange, byte[] content) throws IOException {
    Deque<Reply> waiting = replies.get(key);
    Reply reply = waiting == null ? null : waiting.poll();
    if (reply != null) {
      reply.to(exchange, content);
    }
    return reply != null;
  }

  private void hub(HttpExchange exchange, String path) throws IOException {
    String api = "/api/models/" + REPOSITORY;
    String files = "/" + REPOSITORY + "/resolve/";
    if (replied(path, exchange, new byte[0])) {
      return;
    }
    if (!required.isEmpty() && !first(exchange, "Authorization").equals("Bearer " + required)) {
      error(exchange, 401, "RepoNotFound");
    } else if (path.startsWith(api + "/revision/")) {
      String revision = path.substring((api + "/revision/").length());
      if (knows(revision)) {
        send(exchange, 200, "{\"id\":\"%s\",\"sha\":\"%s\"}".formatted(REPOSITORY, COMMIT));
      } else {
        error(exchange, 404, "RevisionNotFound");
      }
    } else if (path.startsWith(api + "/tree/" + COMMIT)) {
      listing(exchange);
    } else if (path.startsWith(files)) {
      file(exchange, path.substring(files.length()));
    } else {
      error(exchange, 401, "RepoNotFound");
    }
  }

  private void listing(HttpExchange exchange) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    int start = query.contains("cursor=") ? Integer.parseInt(query.replaceAll(".*cursor=", "")) : 0;
    List<String> paths = List.copyOf(files.keySet());
    int end = Math.min(paths.size(), start + PAGE);
    JsonArray items = new JsonArray();
    JsonObject folder = new JsonObject();
    folder.addProperty("type", "directory");
    folder.addProperty("path", "unet");
    folder.addProperty("size", 0);
    folder.addProperty("oid", gitHash("unet"));
    items.add(folder);
    for (String path : paths.subList(start, end)) {
      JsonObject item = new JsonObject();
      item.addProperty("type", "file");
      item.addProperty("path", path);
      item.addProperty("size", files.get(path).length);
      if (files.get(path).length > LARGE) {
        item.addProperty("oid", gitHash("pointer of " + path));
        JsonObject lfs = new JsonObject();
        lfs.addProperty("oid", etag(path));
        lfs.addProperty("size", files.get(path).length);
        lfs.addProperty("pointerSize", 130);
        item.add("lfs", lfs);
      } else {
        item.addProperty("oid", etag(path));
      }
      items.add(item);
    }
    if (end < paths.size()) {
      exchange
          .getResponseHeaders()
          .set(
              "Link",
              "<%s/api/models/%s/tree/%s?recursive=true&expand=false&cursor=%d>; rel=\"next\""
                  .formatted(endpoint(), REPOSITORY, COMMIT, end));
    }
    send(exchange, 200, items.toString());
  }

  private void file(HttpExchange exchange, String revisionAndPath) throws IOException {
    String revision =
        Stream.of("main", COMMIT, "refs/pr/1")
            .filter(known -> revisionAndPath.startsWith(known + "/"))
            .findFirst()
            .orElse("");
    if (revision.isEmpty()) {
      error(exchange, 404, "RevisionNotFound");
      return;
    }
    exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
    String path = revisionAndPath.substring(revision.length() + 1);
    byte[] content = files.get(path);
    if (content == null) {
      error(exchange, 404, "EntryNotFound");
    } else if (content.length > LARGE) {
      exchange.getResponseHeaders().set("X-Linked-Etag", '"' + etag(path) + '"');
      exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(content.length));
      exchange
          .getResponseHeaders()
          .set(
              "Location",
              "http://localhost:%d/cdn/%s?sig=SECRET"
                  .formatted(server.getAddress().getPort(), path));
      send(exchange, 302, "");
    } else {
      exchange.getResponseHeaders().set("ETag", "W/\"" + etag(path) + '"');
      content(exchange, path, content);
    }
  }

  private void storage(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().substring("/cdn/".length());
    content(exchange, path, files.get(path));
  }

  private void content(HttpExchange exchange, String path, byte[] content) throws IOException {
    boolean get = exchange.getRequestMethod().equals("GET");
    if (get && replied(path, exchange, content)) {
      return;
    }
    serve(exchange, content, content);
  }

  /** Answers as a server does that knows ranges. */
  static void serve(HttpExchange exchange, byte[] content, byte[] sent) throws IOException {
    String range = first(exchange, "Range");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", String.valueOf(content.length));
      exchange.sendResponseHeaders(200, -1);
    } else if (range.isEmpty()) {
      body(exchange, 200, content.length, sent);
    } else {
      int from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
      exchange
          .getResponseHeaders()
          .set(
              "Content-Range",
              "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
      byte[] rest = Arrays.copyOfRange(sent, Math.min(from, sent.length), sent.length);
      body(exchange, 206, content.length - from, rest);
    }
  }

  /** Sends the beginning of the content, then breaks off. */
  static Reply cut(int bytes) {
    return (exchange, content) ->
        serve(exchange, content, Arrays.copyOf(content, Math.min(bytes, content.length)));
  }

  /** Takes no notice of ranges. */
  static Reply whole() {
    return (exchange, content) -> body(exchange, 200, content.length, content);
  }

  /** Sends other bytes of the same number. */
  static Reply wrong() {
    return (exchange, content) -> {
      byte[] other = content.clone();
      other[other.length / 2] ^= 1;
      serve(exchange, other, other);
    };
  }

  /** Sends more bytes than there are. */
  static Reply longer() {
    return (exchange, content) -> {
      byte[] other = Arrays.copyOf(content, content.length + 10);
      serve(exchange, other, other);
    };
  }

  /** Answers with a status and pairs of headers. */
  static Reply status(int status, String... headers) {
    return (exchange, content) -> {
      for (int i = 0; i < headers.length; i += 2) {
        exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
      }
      send(exchange, status, "");
    };
  }

  /** Answers with a text. */
  static Reply text(String text) {
    return (exchange, content) -> send(exchange, 200, text);
  }

  /** Packs what was asked for plain, without saying how long it is. */
  static Reply packed() {
    return (exchange, content) -> {
      exchange.getResponseHeaders().set("Content-Encoding", "gzip");
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream out = new java.util.zip.GZIPOutputStream(exchange.getResponseBody())) {
        out.write(content);
      }
    };
  }

  private static void error(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    send(exchange, status, "");
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    body(exchange, status, bytes.length, bytes);
  }

  private static void body(HttpExchange exchange, int status, int length, byte[] sent)
      throws IOException {
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(status, head || length == 0 ? -1 : length);
    if (!head && length > 0) {
      OutputStream out = exchange.getResponseBody();
      out.write(sent);
      out.flush();
    }
  }

  String etag(String path) {
    byte[] content = files.get(path);
    return etags.computeIfAbsent(
        path, key -> content.length > LARGE ? sha256(content) : gitHash(content));
  }

  static String sha256(byte[] content) {
    return hash("SHA-256", content);
  }

  private static String gitHash(String text) {
    return gitHash(text.getBytes(StandardCharsets.UTF_8));
  }

  static String gitHash(byte[] content) {
    byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
    return hash("SHA-1", header, content);
  }

  private static String hash(String algorithm, byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm);
      for (byte[] part : parts) {
        digest.update(part);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  List<String> paths() {
    return new ArrayList<>(files.keySet());
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
