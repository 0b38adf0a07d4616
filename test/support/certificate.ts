import { join } from "node:path";
import { exec } from "../../host/exec";

/** Creates a self-signed certificate for a host. @returns the paths of key and certificate, both PEM */
export async function selfSigned(folder: string, host: string): Promise<{ key: string; ca: string }> {
  const [key, ca] = [join(folder, "key.pem"), join(folder, "ca.pem")];
  const made = await exec("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", ca],
    ...["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  return { key, ca };
}
