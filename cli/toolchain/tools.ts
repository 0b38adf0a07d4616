import { tools as bill, supported } from "../../config/versions";

/** A program the lab needs beside Node.js and Docker. */
export interface Tool {
  name: "pulumi" | "kind";
  /** What it does for the lab: the Why of every problem with it. */
  purpose: string;
  /** Version that is brought when there is none. */
  version: string;
  /** Versions (semver range) that will do. */
  range: string;
  /** Programs beside it that the lab runs and an archive must therefore hold. */
  companions: readonly string[];
  /** Where its release for a system lies. */
  release(system: System): Release;
}

/** Operating system and processor in Node's words. */
export interface System {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

/** One downloadable release and the list that holds its digest. */
export interface Release {
  /** Upstream address of the file. */
  url: string;
  /** Upstream address of the list of digests. */
  checksums: string;
  /** Name of the file in that list, and in `<artifactSource>/cli/`. */
  file: string;
  /** Name of the list in `<artifactSource>/cli/`. */
  checksumsFile: string;
  packed: boolean;
}

export const tools: readonly Tool[] = [
  {
    name: "pulumi",
    purpose: "Pulumi makes the lab",
    version: bill.pulumi.version,
    range: supported.pulumi,
    companions: ["pulumi-language-nodejs"],
    release({ platform, arch }) {
      const { version, upstream } = bill.pulumi;
      const file = `pulumi-v${version}-${platform}-${arch === "x64" ? "x64" : "arm64"}.tar.gz`;
      const checksumsFile = `pulumi-${version}-checksums.txt`;
      return {
        file,
        checksumsFile,
        url: `${upstream}/${file}`,
        checksums: `https://github.com/pulumi/pulumi/releases/download/v${version}/${checksumsFile}`,
        packed: true,
      };
    },
  },
  {
    name: "kind",
    purpose: "kind makes the cluster's nodes out of containers",
    version: bill.kind.version,
    range: supported.kind,
    companions: [],
    release({ platform, arch }) {
      const file = `kind-${platform}-${arch === "x64" ? "amd64" : "arm64"}`;
      const url = `${bill.kind.upstream}/${file}`;
      return { file, checksumsFile: `${file}.sha256sum`, url, checksums: `${url}.sha256sum`, packed: false };
    },
  },
];
