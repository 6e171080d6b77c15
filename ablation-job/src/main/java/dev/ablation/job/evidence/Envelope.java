package dev.ablation.job.evidence;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A signed statement: a DSSE envelope (Dead Simple Signing Envelope, version 1) with an Ed25519
 * signature.
 */
public final class Envelope {
  /** Name of the file that signs a manifest. */
  public static final String FILE = "manifest.dsse.json";

  private static final String PAYLOAD_TYPE = "application/vnd.in-toto+json";
  private static final String ALGORITHM = "Ed25519";

  private final byte[] payload;
  private final byte[] signature;
  private final String keyId;

  private Envelope(byte[] payload, byte[] signature, String keyId) {
    this.payload = payload;
    this.signature = signature;
    this.keyId = keyId;
  }

  /**
   * Signs bytes.
   *
   * @param payload such as those of a manifest
   * @param key Ed25519
   * @return the envelope
   * @throws IllegalArgumentException if the key is of another kind
   */
  public static Envelope sign(byte[] payload, PrivateKey key) {
    try {
      Signature signer = Signature.getInstance(ALGORITHM);
      signer.initSign(key);
      signer.update(preAuthentication(payload));
      String id = Keys.publicOf(key).map(known -> Sha256.of(known.getEncoded())).orElse("");
      return new Envelope(payload.clone(), signer.sign(), id);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("the key must be an Ed25519 key: " + e.getMessage(), e);
    }
  }

  /** What is signed: the payload with its type, so that it cannot be taken for another one. */
  private static byte[] preAuthentication(byte[] payload) {
    String head = "DSSEv1 %d %s %d ".formatted(PAYLOAD_TYPE.length(), PAYLOAD_TYPE, payload.length);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(head.getBytes(StandardCharsets.UTF_8));
    out.writeBytes(payload);
    return out.toByteArray();
  }

  /**
   * Reads the signature of a folder.
   *
   * @param folder any
   * @return the envelope; empty if the folder is not signed
   * @throws IOException if it cannot be read
   */
  public static Optional<Envelope> read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonObject json = JsonParser.parseString(TextFile.read(file)).getAsJsonObject();
      if (!PAYLOAD_TYPE.equals(json.get("payloadType").getAsString())) {
        throw new IOException(file + ": payloadType must be " + PAYLOAD_TYPE);
      }
      JsonArray signatures = json.getAsJsonArray("signatures");
      if (signatures.size() != 1) {
        throw new IOException(file + ": must have one signature, has " + signatures.size());
      }
      JsonObject signature = signatures.get(0).getAsJsonObject();
      @Nullable JsonElement id = signature.get("keyid");
      return Optional.of(
          new Envelope(
              Base64.getDecoder().decode(json.get("payload").getAsString()),
              Base64.getDecoder().decode(signature.get("sig").getAsString()),
              id == null ? "" : id.getAsString()));
    } catch (JsonParseException
        | IllegalStateException
        | IllegalArgumentException
        | NullPointerException
        | UnsupportedOperationException
        | ClassCastException e) {
      throw new IOException(file + ": not a DSSE envelope", e);
    }
  }

  /**
   * Writes the envelope.
   *
   * @param folder whose manifest it signs
   * @throws IOException if it cannot be written
   */
  public void write(Path folder) throws IOException {
    JsonObject signed = new JsonObject();
    signed.addProperty("keyid", keyId);
    signed.addProperty("sig", Base64.getEncoder().encodeToString(signature));
    JsonArray signatures = new JsonArray();
    signatures.add(signed);
    JsonObject json = new JsonObject();
    json.addProperty("payloadType", PAYLOAD_TYPE);
    json.addProperty("payload", Base64.getEncoder().encodeToString(payload));
    json.add("signatures", signatures);
    AtomicFiles.writeString(
        folder.resolve(FILE),
        Existing.REPLACE,
        new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(json) + "\n");
  }

  /**
   * Verifies the signature.
   *
   * @param key Ed25519
   * @return whether the key made it
   */
  public boolean isSignedBy(PublicKey key) {
    try {
      Signature verifier = Signature.getInstance(ALGORITHM);
      verifier.initVerify(key);
      verifier.update(preAuthentication(payload));
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * Compares what is signed.
   *
   * @param bytes of the manifest
   * @return whether they are what is signed
   */
  public boolean contains(byte[] bytes) {
    return Arrays.equals(payload, bytes);
  }

  /** {@return SHA-256 of the public key in DER; empty if it is not stated} */
  public String keyId() {
    return keyId;
  }
}
