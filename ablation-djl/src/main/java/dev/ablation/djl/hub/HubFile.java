package dev.ablation.djl.hub;

/**
 * A file of a revision.
 *
 * @param path its name in the repository
 * @param size its bytes; -1 if the server does not tell
 * @param etag SHA-256 of the content for large files, SHA-1 of the git blob for others
 * @param blobId SHA-1 of the git blob; of a large file, that of the pointer that git holds
 */
record HubFile(String path, long size, String etag, String blobId) {

  /** The folder, such as {@code "unet"}; empty at the root. */
  String folder() {
    int slash = path.indexOf('/');
    return slash < 0 ? "" : path.substring(0, slash);
  }
}
