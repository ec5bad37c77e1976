# Runs a formula as Homebrew would, with what little of it the formula uses: its install into a prefix, then its test.
#
#     ruby run.rb FORMULA SOURCE PREFIX
require "fileutils"
require "pathname"

# What a formula inherits.
class Formula
  attr_reader :prefix

  class << self
    attr_reader :tested

    %i[desc homepage license head depends_on].each { |name| define_method(name) { |*| nil } }

    def test(&block)
      @tested = block
    end
  end

  def initialize(prefix)
    @prefix = prefix
  end

  def pkgshare
    @prefix/"share"/self.class.name.downcase
  end

  def system(*words)
    Kernel.system(*words.map(&:to_s), exception: true)
  end

  def shell_output(line)
    text = IO.popen(line, &:read)
    raise "#{line}: #{$?}" unless $?.success?

    text
  end
end

# Homebrew's addition to paths.
class Pathname
  def install(folder)
    mkpath
    FileUtils.cp_r(folder, self)
  end
end

def ENV.cc
  "cc"
end

formula, source, prefix = ARGV.map { |path| Pathname(path).expand_path }
load formula.to_s
made = Surfaceport.new(prefix)
Dir.chdir(source) { made.install }

# The test has an empty folder, and finds what is installed.
ENV["PKG_CONFIG_PATH"] = (prefix/"lib/pkgconfig").to_s
ENV["LD_LIBRARY_PATH"] = (prefix/"lib").to_s
place = prefix.dirname/"test"
place.mkpath
Dir.chdir(place) { made.instance_eval(&Surfaceport.tested) }
