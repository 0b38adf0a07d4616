import { singleQuoted } from "../../host/shell";
import type { OptionWords, VerbWords } from "./words";

/** Shells that a script can be made for. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** How the lab is started from anywhere. */
export interface Start {
  node: string;
  bootstrap: string;
}

/** A script that makes `lab` a command of the shell and completes what can follow it. */
export function completionScript(shell: Shell, verbs: readonly VerbWords[], start: Start): string {
  return { bash, zsh, fish }[shell](verbs, start);
}

const isList = (value: OptionWords["value"]): value is readonly string[] => typeof value !== "string";

function bash(verbs: readonly VerbWords[], { node, bootstrap }: Start): string {
  const after = verbs.flatMap(({ name, options }) =>
    options.flatMap(({ flag, value }) => {
      if (value === "none") return [];
      const words = isList(value) ? `COMPREPLY=($(compgen -W ${singleQuoted(value.join(" "))} -- "$cur"))` : ":";
      return [`    ${singleQuoted(`${name} ${flag}`)}) ${words}; return ;;`];
    }),
  );
  const follow = verbs.map(
    ({ name, options, values }) =>
      `    ${name}) COMPREPLY=($(compgen -W ${singleQuoted([...values, ...options.map(({ flag }) => flag), "--help"].join(" "))} -- "$cur")) ;;`,
  );
  return [
    '# Completion of the ambient lab for bash. In ~/.bashrc: eval "$(npm run --silent lab -- completion bash)"',
    `lab() { ${singleQuoted(node)} ${singleQuoted(bootstrap)} "$@"; }`,
    "_lab() {",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell that fills it in
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" verb="${COMP_WORDS[1]}"',
    "  COMPREPLY=()",
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W ${singleQuoted(verbs.map(({ name }) => name).join(" "))} -- "$cur")); return`,
    "  fi",
    '  case "$verb $prev" in',
    ...after,
    "  esac",
    '  case "$verb" in',
    ...follow,
    "  esac",
    "}",
    "complete -o default -F _lab lab",
    "",
  ].join("\n");
}

function zsh(verbs: readonly VerbWords[], { node, bootstrap }: Start): string {
  const plain = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const spec = ({ flag, description, value }: OptionWords) => {
    const then = value === "none" ? "" : isList(value) ? `:value:(${value.join(" ")})` : ":value:_files";
    return singleQuoted(`${flag}[${plain(description)}]${then}`);
  };
  const follow = verbs.map(({ name, options, values }) => {
    const words = values.length > 0 ? [singleQuoted(`*:what:(${values.join(" ")})`)] : [];
    return `    ${name}) _arguments ${[...options.map(spec), "'--help[show help]'", ...words].join(" ")} ;;`;
  });
  return [
    '# Completion of the ambient lab for zsh. In ~/.zshrc, after compinit: eval "$(npm run --silent lab -- completion zsh)"',
    `lab() { ${singleQuoted(node)} ${singleQuoted(bootstrap)} "$@" }`,
    "_lab() {",
    `  local -a verbs=(${verbs.map(({ name, description }) => singleQuoted(`${name}:${plain(description)}`)).join(" ")})`,
    "  if (( CURRENT == 2 )); then _describe command verbs; return; fi",
    "  local verb=$words[2]",
    "  shift words; (( CURRENT-- ))",
    "  case $verb in",
    ...follow,
    "  esac",
    "}",
    "compdef _lab lab",
    "",
  ].join("\n");
}

function fish(verbs: readonly VerbWords[], { node, bootstrap }: Start): string {
  const escaped = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const lines = verbs.flatMap(({ name, description, options, values }) => {
    const here = `complete -c lab -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c lab -n __fish_use_subcommand -a ${name} -d ${escaped(description)}`,
      ...(values.length > 0 ? [`${here} -a ${escaped(values.join(" "))}`] : []),
      ...options.map(({ flag, description: what, value }) => {
        const then = value === "none" ? "" : isList(value) ? ` -x -a ${escaped(value.join(" "))}` : " -r -F";
        return `${here} -l ${flag.slice(2)} -d ${escaped(what)}${then}`;
      }),
    ];
  });
  return [
    "# Completion of the ambient lab for fish. In config.fish: npm run --silent lab -- completion fish | source",
    "function lab",
    `  ${escaped(node)} ${escaped(bootstrap)} $argv`,
    "end",
    "complete -c lab -f",
    ...lines,
    "",
  ].join("\n");
}
