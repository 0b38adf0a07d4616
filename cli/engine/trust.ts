import { join } from "node:path";
import { readPrivateCa } from "../../artifacts/private-ca";
import { labHome } from "../../host/paths";
import { writeWhole } from "../../host/write-file";

/**
 * Folder that holds a private CA and nothing else, for SSL_CERT_DIR: programs in Go, the engine and its plugins, read it
 * beside the system's own bundle of certificates. On macOS they ask the keychain alone.
 */
export async function trustFolder(caFile: string): Promise<string> {
  const { pem, digest } = readPrivateCa(caFile);
  const folder = join(labHome(), "ca", digest.slice(0, 12));
  writeWhole(join(folder, "ca.pem"), pem);
  return folder;
}
