# Homebrew's formula. `brew install --HEAD ./packaging/homebrew/surfaceport.rb` builds the newest source.
class Surfaceport < Formula
  desc "Cross-process rendering with shared surfaces, without a copy"
  homepage "https://github.com/surfaceport/surfaceport"
  license any_of: ["MIT", "Apache-2.0"]
  head "https://github.com/surfaceport/surfaceport.git", branch: "main"

  depends_on "rust" => :build
  depends_on "pkgconf" => :test

  def install
    system "cargo", "xtask", "install", "--prefix", prefix
    pkgshare.install "examples/c"
  end

  test do
    flags = shell_output("pkg-config --cflags --libs surfaceport").split
    system ENV.cc, pkgshare/"c/host.c", "-o", "host", *flags
    system ENV.cc, pkgshare/"c/child.c", "-o", "child", *flags
    system "./host"
  end
end
