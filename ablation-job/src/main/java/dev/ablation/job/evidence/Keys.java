package dev.ablation.job.evidence;

import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Ed25519 keys in PEM, as {@code openssl genpkey -algorithm ed25519} writes them. */
public final class Keys {
  private static final Pattern PEM =
      Pattern.compile("-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\\s]+)-----END \\1-----");

  private Keys() {}

  /**
   * Reads a key that signs.
   *
   * @param file PEM of PKCS #8, not encrypted
   * @return the key
   * @throws IOException if the file cannot be read or holds no such key
   */
  public static PrivateKey signing(Path file) throws IOException {
    try {
      return KeyFactory.getInstance("Ed25519")
          .generatePrivate(new PKCS8EncodedKeySpec(der(file, "PRIVATE KEY")));
    } catch (GeneralSecurityException e) {
      throw new IOException(file + ": must be an Ed25519 private key (PKCS #8)", e);
    }
  }

  /**
   * Reads a key that verifies.
   *
   * @param file PEM of a public key
   * @return the key
   * @throws IOException if the file cannot be read or holds no such key
   */
  public static PublicKey verifying(Path file) throws IOException {
    try {
      return KeyFactory.getInstance("Ed25519")
          .generatePublic(new X509EncodedKeySpec(der(file, "PUBLIC KEY")));
    } catch (GeneralSecurityException e) {
      throw new IOException(file + ": must be an Ed25519 public key", e);
    }
  }

  private static byte[] der(Path file, String kind) throws IOException {
    return FileReading.of(
        file,
        () -> {
          Matcher found = PEM.matcher(TextFile.read(file));
          if (!found.find() || !found.group(1).equals(kind)) {
            throw new IOException(
                "%s: must be PEM with '-----BEGIN %s-----'".formatted(file, kind));
          }
          return Base64.getMimeDecoder().decode(found.group(2));
        });
  }

  /**
   * Derives the public key. Java has no method for it, but generates a pair from 32 random bytes,
   * which are the private key.
   */
  static Optional<PublicKey> publicOf(PrivateKey key) {
    byte[] bytes = ((EdECPrivateKey) key).getBytes().orElse(new byte[0]);
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
      generator.initialize(NamedParameterSpec.ED25519, new Fixed(bytes));
      KeyPair pair = generator.generateKeyPair();
      return Arrays.equals(pair.getPrivate().getEncoded(), key.getEncoded())
          ? Optional.of(pair.getPublic())
          : Optional.empty();
    } catch (GeneralSecurityException e) {
      return Optional.empty();
    }
  }

  /** Random bytes that are known. */
  private static final class Fixed extends SecureRandom {
    private static final long serialVersionUID = 1L;

    private final byte[] bytes;

    Fixed(byte[] bytes) {
      this.bytes = bytes.clone();
    }

    @Override
    public void nextBytes(byte[] target) {
      System.arraycopy(bytes, 0, target, 0, Math.min(bytes.length, target.length));
    }
  }
}
