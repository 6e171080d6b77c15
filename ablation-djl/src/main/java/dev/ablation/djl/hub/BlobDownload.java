package dev.ablation.djl.hub;

import dev.ablation.djl.hub.HubClient.Answer;
import dev.ablation.djl.hub.HubException.Reason;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fetches the content of one file. It goes on where an earlier attempt, also of another process,
 * broke off, and becomes a blob of the cache only if its hash is the published one.
 */
final class BlobDownload {
  private static final int BUFFER = 1 << 16;

  /** So much must arrive for broken connections to be forgotten. */
  private static final int PROGRESS = 1 << 20;

  private static final Pattern RANGE =
      Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18}|\\*)");

  private final HubCache cache;
  private final HubClient client;
  private final Retries retries;
  private final String repository;
  private final String commit;
  private final HubFile file;
  private final LongConsumer progress;
  private final Path unfinished;
  private boolean complete;

  BlobDownload(
      HubCache cache,
      HubClient client,
      Retries retries,
      String repository,
      String commit,
      HubFile file,
      LongConsumer progress) {
    this.cache = cache;
    this.client = client;
    this.retries = retries;
    this.repository = repository;
    this.commit = commit;
    this.file = file;
    this.progress = progress;
    unfinished = cache.unfinished(file.etag());
  }

  /** Fetches the content and makes it a file of the commit. */
  void run() throws IOException {
    cache.alone(
        file.etag(),
        () -> {
          if (!cache.has(commit, file)) {
            boolean isNew = !cache.hasBlob(file);
            if (isNew) {
              fetch();
            }
            cache.link(commit, file, isNew);
          }
        });
  }

  private void fetch() throws IOException {
    boolean fresh = !Files.exists(unfinished);
    transfer();
    String actual = hash();
    if (!actual.equals(file.etag()) && !fresh) {
      // What an earlier process left behind may have been damaged: once more from the beginning.
      Files.deleteIfExists(unfinished);
      transfer();
      actual = hash();
    }
    if (!actual.equals(file.etag())) {
      Files.deleteIfExists(unfinished);
      throw new HubException(
          Reason.WRONG_CONTENT,
          repository,
          "the content of %s must have the hash %s, has %s; it was not kept"
              .formatted(file.path(), file.etag(), actual),
          null);
    }
    Files.move(unfinished, cache.blob(file.etag()), StandardCopyOption.REPLACE_EXISTING);
  }

  private void transfer() throws IOException {
    complete = false;
    Retries.Series series = retries.start(Integer.MAX_VALUE);
    while (!complete) {
      long before = had();
      try {
        request(before);
      } catch (HubException | InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        long arrived = had();
        if (arrived - before >= PROGRESS) {
          series.progressed();
        }
        series.failed(e, () -> givenUp(e, arrived));
      }
    }
  }

  private long had() throws IOException {
    long size = Files.exists(unfinished) ? Files.size(unfinished) : 0;
    if (file.size() >= 0 && size > file.size()) {
      Files.delete(unfinished);
      return 0;
    }
    return size;
  }

  private HubException givenUp(IOException e, long arrived) {
    String cause = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new HubException(
        Reason.UNREACHABLE,
        repository,
        ("%s could not be fetched: the server broke off again and again, last after %d of %d bytes"
                + " (%s); they are kept, and the next attempt goes on from there")
            .formatted(file.path(), arrived, file.size(), cause),
        e);
  }

  private void request(long have) throws IOException {
    progress.accept(have);
    if (have == file.size() && have > 0) {
      complete = true;
      return;
    }
    try (Answer answer = client.open(commit, file.path(), have)) {
      if (answer.status() == HubClient.RANGE_NOT_SATISFIABLE
          || (answer.status() == HubClient.PARTIAL && !continues(answer, have))) {
        Files.deleteIfExists(unfinished);
        throw new IOException("the server cannot go on from byte " + have);
      }
      boolean append = answer.status() == HubClient.PARTIAL;
      receive(answer.body(), append ? have : 0, append);
    }
  }

  private boolean continues(Answer answer, long have) {
    String range = answer.header("Content-Range");
    Matcher matcher = RANGE.matcher(range == null ? "" : range.strip());
    return matcher.matches()
        && Long.parseLong(matcher.group(1)) == have
        && (file.size() < 0
            || matcher.group(2).equals("*")
            || Long.parseLong(matcher.group(2)) == file.size());
  }

  private void receive(InputStream body, long start, boolean append) throws IOException {
    long size = start;
    byte[] buffer = new byte[BUFFER];
    // Not a channel: channels close when their thread is interrupted.
    try (FileOutputStream out = open(append)) {
      for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
        size += count;
        if (file.size() >= 0 && size > file.size()) {
          throw tooLong();
        }
        write(out, buffer, count);
        progress.accept(size);
      }
      out.getFD().sync();
    }
    if (file.size() >= 0 && size < file.size()) {
      throw new IOException("broke off after %d of %d bytes".formatted(size, file.size()));
    }
    complete = true;
  }

  private HubException tooLong() throws IOException {
    Files.deleteIfExists(unfinished);
    return new HubException(
        Reason.WRONG_CONTENT,
        repository,
        "the content of %s must have %d bytes, has more; it was not kept"
            .formatted(file.path(), file.size()),
        null);
  }

  private FileOutputStream open(boolean append) throws IOException {
    try {
      return new FileOutputStream(unfinished.toFile(), append);
    } catch (IOException e) {
      throw cache.unwritable(e);
    }
  }

  private void write(FileOutputStream out, byte[] buffer, int count) throws IOException {
    try {
      out.write(buffer, 0, count);
    } catch (IOException e) {
      throw cache.unwritable(e);
    }
  }

  /** SHA-256 of large files, SHA-1 of the git blob of others. */
  private String hash() throws IOException {
    try {
      MessageDigest digest;
      if (HubNames.isSha256(file.etag())) {
        digest = MessageDigest.getInstance("SHA-256");
      } else {
        digest = MessageDigest.getInstance("SHA-1");
        String header = "blob " + Files.size(unfinished) + "\0";
        digest.update(header.getBytes(StandardCharsets.US_ASCII));
      }
      byte[] buffer = new byte[BUFFER];
      try (InputStream in = Files.newInputStream(unfinished)) {
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
          digest.update(buffer, 0, count);
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256 and SHA-1", e);
    }
  }
}
