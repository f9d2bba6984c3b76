# Stand-in for mysql: Debian's MariaDB under the names of MySQL's tools.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends mariadb-server mariadb-client-compat && rm -rf /var/lib/apt/lists/* /var/lib/mysql/* \
 && rm -f /etc/mysql/mariadb.conf.d/*-server.cnf
COPY mysql-entrypoint /usr/local/bin/
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["mysql-entrypoint"]
CMD ["mariadbd"]
