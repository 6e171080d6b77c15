package dev.ablation.djl.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The body of an answer. Unlike the JDK's own stream it does not wait forever for a server that
 * falls silent, and an interrupt ends it.
 */
final class BodyStream extends InputStream implements Flow.Subscriber<List<ByteBuffer>> {
  private static final Object END = new Object();

  private final Duration timeout;

  /** Lists of buffers, then {@link #END} or what broke the connection. */
  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

  private final Deque<ByteBuffer> buffers = new ArrayDeque<>();
  private volatile Flow.@Nullable Subscription subscription;
  private boolean ended;

  BodyStream(Duration timeout) {
    this.timeout = timeout;
  }

  @Override
  public void onSubscribe(Flow.Subscription subscribed) {
    subscription = subscribed;
    subscribed.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> item) {
    arrived.add(item);
  }

  @Override
  public void onError(Throwable throwable) {
    arrived.add(throwable);
  }

  @Override
  public void onComplete() {
    arrived.add(END);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, target.length);
    if (length == 0) {
      return 0;
    }
    ByteBuffer buffer = next();
    if (buffer == null) {
      return -1;
    }
    int count = Math.min(length, buffer.remaining());
    buffer.get(target, offset, count);
    return count;
  }

  /** The first buffer with content. */
  private @Nullable ByteBuffer next() throws IOException {
    while (true) {
      ByteBuffer first = buffers.peek();
      if (first != null && first.hasRemaining()) {
        return first;
      }
      if (first != null) {
        buffers.remove();
      } else if (ended) {
        return null;
      } else {
        take();
      }
    }
  }

  private void take() throws IOException {
    Object item;
    try {
      item = arrived.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      close();
      throw new InterruptedIOException("interrupted");
    }
    if (item == null) {
      close();
      throw new HttpTimeoutException(
          "the server sent nothing for %d seconds".formatted(timeout.toSeconds()));
    }
    if (item instanceof List<?> list) {
      list.forEach(buffer -> buffers.add((ByteBuffer) buffer));
      Flow.Subscription current = subscription;
      if (current != null) {
        current.request(1);
      }
    } else if (item instanceof Throwable broken) {
      ended = true;
      String message = broken.getMessage();
      throw new IOException(message == null ? broken.getClass().getSimpleName() : message, broken);
    } else {
      ended = true;
    }
  }

  @Override
  public void close() {
    Flow.Subscription current = subscription;
    if (current != null) {
      current.cancel();
    }
    ended = true;
  }
}
