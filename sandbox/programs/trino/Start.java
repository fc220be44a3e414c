/** Starts the server: the program that Trino ships for it is in no repository of jars. */
public final class Start {
    private Start() {}

    public static void main(String[] arguments) {
        new io.trino.server.Server().start(arguments[0]);
    }
}
