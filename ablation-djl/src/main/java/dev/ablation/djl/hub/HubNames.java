package dev.ablation.djl.hub;

import java.util.regex.Pattern;

/** Which names of repositories, revisions and files are sound: all of them become paths. */
final class HubNames {
  private static final int LONGEST = 96;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final Pattern DRIVE = Pattern.compile("[A-Za-z]:.*");

  private HubNames() {}

  /** Returns the name of a repository. */
  static String checkRepository(String name) {
    if (!isRepository(name)) {
      throw new IllegalArgumentException(
          ("name must be 'owner/name' of letters, digits, '.', '_' and '-' (no '--' and '..', no '.'"
                  + " or '-' at an end, at most %d characters each), was '%s'")
              .formatted(LONGEST, name));
    }
    return name;
  }

  static boolean isRepository(String name) {
    if (!NAME.matcher(name).matches() || name.contains("--") || name.contains("..")) {
      return false;
    }
    for (String part : name.split("/", -1)) {
      if (part.length() > LONGEST || part.matches("[.-].*|.*[.-]") || part.endsWith(".git")) {
        return false;
      }
    }
    return true;
  }

  /** Returns a branch, a tag, a commit, or a reference such as {@code refs/pr/1}. */
  static String checkRevision(String revision) {
    if (!isPath(revision) || revision.chars().anyMatch(c -> c <= ' ' || "~^:?*[".indexOf(c) >= 0)) {
      throw new IllegalArgumentException(
          "revision must be the name of a branch or tag, or a commit, was '" + revision + "'");
    }
    return revision;
  }

  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  /** Whether an etag is a hash that can be checked: SHA-256, or SHA-1 of a git blob. */
  static boolean isHash(String etag) {
    return COMMIT.matcher(etag).matches() || isSha256(etag);
  }

  static boolean isSha256(String etag) {
    return SHA256.matcher(etag).matches();
  }

  /** Returns the name of a file inside of a repository. */
  static String checkFile(String path) {
    if (!isPath(path)) {
      throw new IllegalArgumentException(
          "file must be a path inside of the repository with '/' between its parts, was '"
              + path
              + "'");
    }
    return path;
  }

  /** Whether a name stays inside of the folder that it is resolved against, on every system. */
  static boolean isPath(String path) {
    if (path.isEmpty()
        || DRIVE.matcher(path).matches()
        || path.chars().anyMatch(c -> c == '\\' || c < ' ' || c == 0x7f)) {
      return false;
    }
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        return false;
      }
    }
    return true;
  }
}
