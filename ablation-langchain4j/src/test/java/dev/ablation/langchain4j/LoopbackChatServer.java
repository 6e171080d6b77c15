package dev.ablation.langchain4j;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.ablation.internal.StrictJson;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Speaks as much of OpenAI's protocol as a chat needs, on this machine alone: gives the replies of
 * a script in turn, and an empty answer when they are used up.
 */
final class LoopbackChatServer implements AutoCloseable {
  private static final int MAX_REQUESTS = 60;
  private static final int MAX_BODY = 1 << 20;

  /** One reply. */
  sealed interface Reply {}

  /** What the model says. */
  record Says(String text) implements Reply {}

  /** An answer without text, as when the model wants to call a tool. */
  record SaysNothing() implements Reply {}

  /** A reply as it stands. */
  record Raw(int status, String body) implements Reply {}

  /** Nothing comes until the server closes. */
  record Silence(boolean afterHeaders) implements Reply {}

  /** One message of a conversation. */
  record Message(String role, String text) {}

  private final HttpServer server;
  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private final CountDownLatch closed = new CountDownLatch(1);
  private final List<Reply> script;
  private final List<List<Message>> asked = new ArrayList<>();

  LoopbackChatServer(Reply... script) throws IOException {
    this.script = List.of(script);
    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    server = HttpServer.create(new InetSocketAddress(loopback, 0), 0);
    server.setExecutor(threads);
    server.createContext("/v1/chat/completions", this::handle);
    server.start();
  }

  String baseUrl() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  /** The conversations that came in, in order. */
  synchronized List<List<Message>> asked() {
    return List.copyOf(asked);
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange;
        InputStream in = exchange.getRequestBody()) {
      String body = new String(in.readNBytes(MAX_BODY), StandardCharsets.UTF_8);
      Reply reply = next(messages(body));
      if (reply instanceof Says says) {
        send(exchange, 200, completion(quoted(says.text())));
      } else if (reply instanceof SaysNothing) {
        send(exchange, 200, completion("null"));
      } else if (reply instanceof Raw raw) {
        send(exchange, raw.status(), raw.body());
      } else if (reply instanceof Silence silence) {
        if (silence.afterHeaders()) {
          exchange.getResponseHeaders().set("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, 1000);
          exchange.getResponseBody().write('{');
          exchange.getResponseBody().flush();
        }
        closed.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized Reply next(List<Message> messages) {
    asked.add(messages);
    if (asked.size() > MAX_REQUESTS) {
      return new Raw(400, "{\"error\":{\"message\":\"too many requests for a test\"}}");
    }
    return asked.size() <= script.size() ? script.get(asked.size() - 1) : new Says("");
  }

  private static List<Message> messages(String body) throws IOException {
    List<Message> messages = new ArrayList<>();
    Map<?, ?> request = (Map<?, ?>) StrictJson.parse(body);
    for (Object message : (List<?>) request.get("messages")) {
      Map<?, ?> fields = (Map<?, ?>) message;
      messages.add(
          new Message(String.valueOf(fields.get("role")), String.valueOf(fields.get("content"))));
    }
    return messages;
  }

  private static String completion(String content) {
    return """
    {"id": "chat-1", "object": "chat.completion", "created": 1, "model": "scripted",
     "choices": [{"index": 0, "finish_reason": "stop",
                  "message": {"role": "assistant", "content": %s}}],
     "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    """
        .formatted(content);
  }

  private static String quoted(String text) {
    StringBuilder json = new StringBuilder("\"");
    text.chars()
        .forEach(c -> {
          if (c < 0x20 || c == '"' || c == '\\') {
            json.append("\\u%04x".formatted(c));
          } else {
            json.append((char) c);
          }
        });
    return json.append('"').toString();
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    closed.countDown();
    server.stop(0);
    threads.shutdownNow();
  }
}
