package distro

import "time"

// endOfLife returns the day on which security support for a release ended or
// ends, as its maker published it, for all who have the release: what is sold
// on top does not count. It is zero where there is none, where only the month
// or an estimate is published, and where we do not know: a wrong date would be
// worse than none.
//
// It is a table, and long for that reason alone. Oracle Linux is left out
// because Oracle publishes months.
func endOfLife(release string) time.Time {
	switch release {
	// Debian, the end of long-term support:
	// https://debian.pages.debian.net/distro-info-data/debian.csv
	case "debian 3.0":
		return day(2006, 6, 30)
	case "debian 3.1":
		return day(2008, 3, 31)
	case "debian 4.0":
		return day(2010, 2, 15)
	case "debian 5.0":
		return day(2012, 2, 6)
	case "debian 6.0":
		return day(2016, 2, 29)
	case "debian 7":
		return day(2018, 5, 31)
	case "debian 8":
		return day(2020, 6, 30)
	case "debian 9":
		return day(2022, 6, 30)
	case "debian 10":
		return day(2024, 6, 30)
	case "debian 11":
		return day(2026, 8, 31)
	case "debian 12":
		return day(2028, 6, 30)
	case "debian 13":
		return day(2030, 6, 30)

	// Ubuntu, the end of standard support, for servers where that differs:
	// https://debian.pages.debian.net/distro-info-data/ubuntu.csv
	case "ubuntu 12.04":
		return day(2017, 4, 28)
	case "ubuntu 12.10":
		return day(2014, 5, 16)
	case "ubuntu 13.04":
		return day(2014, 1, 27)
	case "ubuntu 13.10":
		return day(2014, 7, 17)
	case "ubuntu 14.04":
		return day(2019, 4, 25)
	case "ubuntu 14.10":
		return day(2015, 7, 23)
	case "ubuntu 15.04":
		return day(2016, 2, 4)
	case "ubuntu 15.10":
		return day(2016, 7, 28)
	case "ubuntu 16.04":
		return day(2021, 4, 30)
	case "ubuntu 16.10":
		return day(2017, 7, 20)
	case "ubuntu 17.04":
		return day(2018, 1, 13)
	case "ubuntu 17.10":
		return day(2018, 7, 19)
	case "ubuntu 18.04":
		return day(2023, 5, 31)
	case "ubuntu 18.10":
		return day(2019, 7, 18)
	case "ubuntu 19.04":
		return day(2020, 1, 23)
	case "ubuntu 19.10":
		return day(2020, 7, 17)
	case "ubuntu 20.04":
		return day(2025, 5, 29)
	case "ubuntu 20.10":
		return day(2021, 7, 22)
	case "ubuntu 21.04":
		return day(2022, 1, 20)
	case "ubuntu 21.10":
		return day(2022, 7, 14)
	case "ubuntu 22.04":
		return day(2027, 6, 1)
	case "ubuntu 22.10":
		return day(2023, 7, 20)
	case "ubuntu 23.04":
		return day(2024, 1, 25)
	case "ubuntu 23.10":
		return day(2024, 7, 11)
	case "ubuntu 24.04":
		return day(2029, 5, 31)
	case "ubuntu 24.10":
		return day(2025, 7, 10)
	case "ubuntu 25.04":
		return day(2026, 1, 15)
	case "ubuntu 25.10":
		return day(2026, 7, 9)
	case "ubuntu 26.04":
		return day(2031, 5, 29)

	// Alpine Linux: https://alpinelinux.org/releases/ by way of
	// https://endoflife.date/alpine-linux
	case "alpine 3.0":
		return day(2016, 5, 1)
	case "alpine 3.1":
		return day(2016, 11, 1)
	case "alpine 3.2":
		return day(2017, 5, 1)
	case "alpine 3.3":
		return day(2017, 11, 1)
	case "alpine 3.4":
		return day(2018, 5, 1)
	case "alpine 3.5":
		return day(2018, 11, 1)
	case "alpine 3.6":
		return day(2019, 5, 1)
	case "alpine 3.7":
		return day(2019, 11, 1)
	case "alpine 3.8":
		return day(2020, 5, 1)
	case "alpine 3.9":
		return day(2020, 11, 1)
	case "alpine 3.10":
		return day(2021, 5, 1)
	case "alpine 3.11":
		return day(2021, 11, 1)
	case "alpine 3.12":
		return day(2022, 5, 1)
	case "alpine 3.13":
		return day(2022, 11, 1)
	case "alpine 3.14":
		return day(2023, 5, 1)
	case "alpine 3.15":
		return day(2023, 11, 1)
	case "alpine 3.16":
		return day(2024, 5, 23)
	case "alpine 3.17":
		return day(2024, 11, 22)
	case "alpine 3.18":
		return day(2025, 5, 9)
	case "alpine 3.19":
		return day(2025, 11, 1)
	case "alpine 3.20":
		return day(2026, 4, 1)
	case "alpine 3.21":
		return day(2026, 11, 1)
	case "alpine 3.22":
		return day(2027, 5, 1)
	case "alpine 3.23":
		return day(2027, 11, 1)

	// Red Hat Enterprise Linux, the end of maintenance support, which its
	// price includes: https://endoflife.date/rhel
	case "rhel 4":
		return day(2012, 2, 29)
	case "rhel 5":
		return day(2017, 3, 31)
	case "rhel 6":
		return day(2020, 11, 30)
	case "rhel 7":
		return day(2024, 6, 30)
	case "rhel 8":
		return day(2029, 5, 31)
	case "rhel 9":
		return day(2032, 5, 31)

	// CentOS: https://endoflife.date/centos
	case "centos 5":
		return day(2017, 3, 31)
	case "centos 6":
		return day(2020, 11, 30)
	case "centos 7":
		return day(2024, 6, 30)
	case "centos 8":
		return day(2021, 12, 31)

	// CentOS Stream: https://endoflife.date/centos-stream
	case "centos-stream 8":
		return day(2024, 5, 31)
	case "centos-stream 9":
		return day(2027, 5, 31)
	case "centos-stream 10":
		return day(2030, 1, 1)

	// AlmaLinux: https://endoflife.date/almalinux
	case "almalinux 8":
		return day(2029, 3, 1)
	case "almalinux 9":
		return day(2032, 5, 31)
	case "almalinux 10":
		return day(2035, 5, 31)

	// Rocky Linux: https://endoflife.date/rocky-linux
	case "rocky 8":
		return day(2029, 5, 31)
	case "rocky 9":
		return day(2032, 5, 31)

	// Amazon Linux: https://endoflife.date/amazon-linux
	case "amzn 1":
		return day(2023, 12, 31)
	case "amzn 2":
		return day(2026, 6, 30)

	// Fedora: https://endoflife.date/fedora
	case "fedora 30":
		return day(2020, 5, 26)
	case "fedora 31":
		return day(2020, 11, 24)
	case "fedora 32":
		return day(2021, 5, 25)
	case "fedora 33":
		return day(2021, 11, 30)
	case "fedora 34":
		return day(2022, 6, 7)
	case "fedora 35":
		return day(2022, 12, 13)
	case "fedora 36":
		return day(2023, 5, 16)
	case "fedora 37":
		return day(2023, 12, 5)
	case "fedora 38":
		return day(2024, 5, 21)
	case "fedora 39":
		return day(2024, 11, 26)
	case "fedora 40":
		return day(2025, 5, 13)
	case "fedora 41":
		return day(2025, 12, 15)
	case "fedora 42":
		return day(2026, 5, 13)

	// SUSE Linux Enterprise Server, the end of general support:
	// https://endoflife.date/sles
	case "sles 11.4":
		return day(2019, 3, 31)
	case "sles 12":
		return day(2016, 6, 30)
	case "sles 12.1":
		return day(2017, 5, 31)
	case "sles 12.2":
		return day(2018, 3, 31)
	case "sles 12.3":
		return day(2019, 6, 30)
	case "sles 12.4":
		return day(2020, 6, 30)
	case "sles 12.5":
		return day(2024, 10, 31)
	case "sles 15":
		return day(2019, 12, 31)
	case "sles 15.1":
		return day(2021, 1, 31)
	case "sles 15.2":
		return day(2021, 12, 31)
	case "sles 15.3":
		return day(2022, 12, 31)
	case "sles 15.4":
		return day(2023, 12, 31)
	case "sles 15.5":
		return day(2024, 12, 31)

	// openSUSE: https://endoflife.date/opensuse
	case "opensuse 13.1":
		return day(2016, 2, 3)
	case "opensuse 13.2":
		return day(2017, 1, 17)
	case "opensuse 42.1":
		return day(2017, 5, 17)
	case "opensuse 42.2":
		return day(2018, 1, 26)
	case "opensuse 42.3":
		return day(2019, 7, 1)
	case "opensuse 15.0":
		return day(2019, 12, 3)
	case "opensuse 15.1":
		return day(2021, 2, 2)
	case "opensuse 15.2":
		return day(2022, 1, 4)
	case "opensuse 15.3":
		return day(2022, 12, 31)
	case "opensuse 15.4":
		return day(2023, 12, 7)
	case "opensuse 15.5":
		return day(2024, 12, 31)
	case "opensuse 15.6":
		return day(2026, 4, 30)
	case "opensuse 16.0":
		return day(2027, 10, 31)

	// Azure Linux, once CBL-Mariner: https://endoflife.date/azure-linux
	case "azurelinux 1":
		return day(2023, 8, 31)
	case "azurelinux 2":
		return day(2025, 7, 31)
	}
	return time.Time{}
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
